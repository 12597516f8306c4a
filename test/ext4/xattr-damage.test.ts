import { execFileSync } from 'node:child_process';
import { mountByLoop } from '../support/loop-mount.js';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { FilesystemError } from '../../server/ext4/errors.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { NameIndex } from '../../server/ext4/layout/xattr.js';
import { inodeNumber, type InodeNumber } from '../../server/ext4/units.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { cannotMount, KernelImage } from './kernel-image.js';
import { Workbench } from './xattr-workbench.js';

const ROOM = 65536;
const target = new Uint8Array(ROOM);

/** Everything that can be asked about an inode's attributes; damage gives its error's code. */
function readAll(filesystem: Filesystem, number: number): Record<string, string> {
  const found: Record<string, string> = {};
  const attempt = (what: string, read: () => string): void => {
    try {
      found[what] = read();
    } catch (error) {
      if (!(error instanceof FilesystemError)) throw error;
      found[what] = error.code;
    }
  };
  attempt('', () => {
    const inode = filesystem.inodes.get(inodeNumber(number));
    const length = filesystem.attributes.list(inode, target, 0, ROOM, true);
    const names = Buffer.from(target.subarray(0, Math.max(0, length))).toString('latin1').split('\0').slice(0, -1);
    for (const name of names) {
      attempt(Buffer.from(name, 'latin1').toString(), () => {
        const bytes = Buffer.from(name, 'latin1');
        const size = filesystem.attributes.get(inode, bytes, 0, bytes.length, target, 0, ROOM);
        return size < 0 ? String(size) : Buffer.from(target.subarray(0, size)).toString('hex');
      });
    }
    if (inode.hasFlag('INLINE_DATA')) attempt(' contents', () => String(filesystem.inline.read(inode, 0, 500, target, 0)));
    return String(length);
  });
  return found;
}

const FILL = `
import os, sys
top = sys.argv[1]
for number in range(8):
    path = os.path.join(top, "file%d" % number)
    open(path, "w").close()
    os.setxattr(path, "user.small", b"s" * number)
    os.setxattr(path, "trusted.medium", b"m" * (number * 40))
    os.setxattr(path, "security.large", b"l" * (number * 90 + 1))
    if number % 2:
        os.setxattr(path, "user.external", b"e" * 3000)
    os.system("setfacl -m u:%d:r '%s'" % (number, path))
    open(path, "wb").write(b"i" * (number * 20))
`;

t.test('flipped bytes in attributes give errors, never anything else', { skip: cannotMount() }, async (t) => {
  // Without checksums, so that the damage gets through.
  const image = new KernelImage({ features: 'ea_inode,inline_data,^metadata_csum', mke2fs: ['-b', '1024', '-I', '512'], size: '4M' });
  t.teardown(() => image.remove());
  image.fill(FILL);
  const inodes = image.survey().filter(({ path }) => path.startsWith('file')).map(({ inode }) => inode);
  const device = MemoryDevice.of(image.path, true);
  const areas = attributeAreas(Filesystem.open(device), inodes);
  t.ok(areas.length > inodes.length, `${areas.length} areas`);

  const seed = Number(process.env['FUSE4FS_SEED'] ?? 1_000_003);
  t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
  const random = new Random(seed);
  const outcomes: Record<string, number> = {};
  for (let round = 0; round < 4000; round++) {
    const undo: [number, number][] = [];
    for (let flips = 1 + random.below(4); flips > 0; flips--) {
      const [start, length] = areas[random.below(areas.length)] as [number, number];
      const at = start + random.below(random.below(2) === 0 ? Math.min(length, 64) : length);
      undo.push([at, device.bytes[at] as number]);
      device.bytes[at] = random.below(3) === 0 ? random.below(256) : (device.bytes[at] as number) ^ (1 << random.below(8));
    }
    const filesystem = Filesystem.open(device);
    for (const number of inodes) {
      try {
        for (const outcome of Object.values(readAll(filesystem, number))) {
          const kind = /^[A-Z]/.test(outcome) ? outcome : 'read';
          outcomes[kind] = (outcomes[kind] ?? 0) + 1;
        }
      } catch (error) {
        t.fail(`seed ${seed}, round ${round}, inode ${number}: ${(error as Error).stack}`);
      }
    }
    for (const [at, value] of undo.reverse()) device.bytes[at] = value;
  }
  t.comment(JSON.stringify(outcomes));
  t.ok((outcomes['CORRUPT'] ?? 0) > 1000, 'much of the damage is noticed');
  t.ok((outcomes['read'] ?? 0) > 10_000, 'what is sound is still read');
});

t.test('changing damaged attributes gives errors, never anything else', { skip: cannotMount() }, async (t) => {
  const image = new KernelImage({ features: 'ea_inode,inline_data,^metadata_csum,^has_journal', mke2fs: ['-b', '1024', '-I', '512'], size: '1M' });
  t.teardown(() => image.remove());
  image.fill(FILL);
  const inodes = image.survey().filter(({ path }) => path.startsWith('file')).map(({ inode }) => inode);
  const pristine = new Uint8Array(readFileSync(image.path));
  const areas = attributeAreas(Filesystem.open(new MemoryDevice(pristine, true)), inodes);
  const seed = Number(process.env['FUSE4FS_SEED'] ?? 2_000_003);
  t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
  const random = new Random(seed);
  const outcomes: Record<string, number> = {};
  const names = ['small', 'medium', 'large', 'external', 'new'];
  for (let round = 0; round < 400; round++) {
    const bytes = pristine.slice();
    for (let flips = 1 + random.below(4); flips > 0; flips--) {
      const [start, length] = areas[random.below(areas.length)] as [number, number];
      const at = start + random.below(random.below(2) === 0 ? Math.min(length, 64) : length);
      bytes[at] = random.below(256);
    }
    try {
      const bench = new Workbench(bytes);
      for (let call = 0; call < 30; call++) {
        const outcome = attempt(bench, inodeNumber(inodes[random.below(inodes.length)] ?? 0), names[random.below(names.length)] ?? '', random);
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
      bench.transactions.commit();
    } catch (error) {
      t.fail(`seed ${seed}, round ${round}: ${(error as Error).stack}`);
    }
  }
  t.comment(JSON.stringify(outcomes));
  t.ok((outcomes['CORRUPT'] ?? 0) > 100, 'much of the damage is noticed');
  t.ok((outcomes['changed'] ?? 0) > 1000, 'what is sound can be changed');
});

/** One random change in a handle of its own. */
function attempt(bench: Workbench, number: InodeNumber, text: string, random: Random): string {
  const bytes = Buffer.from(text);
  const name = { index: NameIndex.USER, bytes, offset: 0, length: bytes.length };
  const value = random.bytes(random.below(4) === 0 ? 1500 : random.below(200));
  const kind = random.below(8);
  try {
    return bench.run(() => {
      const inode = bench.filesystem.inodes.get(number);
      if (kind === 0) bench.attributes.removeAll(inode);
      else if (kind === 1 && inode.hasFlag('INLINE_DATA')) bench.inline.write(inode, random.below(100), value, 0, value.length);
      else if (kind < 4) bench.attributes.remove(inode, name, true);
      else bench.attributes.set(inode, name, value, 0, value.length, 0, true);
      return 'changed';
    });
  } catch (error) {
    if (!(error instanceof FilesystemError)) throw error;
    return error.code;
  }
}

/** Byte ranges on the device that hold attributes: in inodes, in blocks, and the inodes that hold values. */
function attributeAreas(filesystem: Filesystem, inodes: readonly number[]): [start: number, length: number][] {
  const { blockSize, inodeSize } = filesystem.superblock;
  const areas: [number, number][] = [];
  const inInode = (number: number, from: number): void => {
    const inode = filesystem.inodes.get(inodeNumber(number));
    areas.push([inode.block.number * blockSize + inode.offset + from, inodeSize - from]);
  };
  for (const number of inodes) {
    inInode(number, 128);
    const inode = filesystem.inodes.get(inodeNumber(number));
    if (inode.xattrBlock !== 0) areas.push([inode.xattrBlock * blockSize, blockSize]);
    if (filesystem.inodes.get(inodeNumber(number + 1)).hasFlag('EA_INODE')) inInode(number + 1, 0);
  }
  return areas;
}

const CORPUS = process.env['FUSE4FS_CORPUS'] ?? join(import.meta.dirname, '../../../../shared/corpus');
const IMAGES = [
  'f_clear_xattr', 'f_ea_checks', 'f_ea_inode_dir_ref', 'f_ea_inode_fast_symlink', 'f_ea_inode_self_ref', 'f_ea_signed_hash',
  'f_ea_value_crash', 'f_inlinedata_flags', 'f_inode_ea_collision', 'f_special_ea', 'f_unsorted_EAs', 'f_valid_ea_in_inode',
  'f_write_ea_no_extra_isize', 'f_write_ea_toosmall_extra_isize', 'f_idata_and_extents', 'f_messy_inode', 'f_quota', 'f_badinode',
];

t.test('damaged images: what the kernel reads is read', { skip: existsSync(CORPUS) ? cannotMount() : 'there is no corpus of damaged images' }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-corpus-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  for (const name of IMAGES) {
    const path = join(directory, name);
    writeFileSync(path, gunzipSync(readFileSync(join(CORPUS, 'e2fsprogs', `${name}.image.gz`))));
    const filesystem = Filesystem.open(new MemoryDevice(new Uint8Array(readFileSync(path)), true));
    const kernel = surveyDamaged(path, directory);
    let compared = 0;
    for (const [number, names] of Object.entries(kernel)) {
      const ours = readAll(filesystem, Number(number));
      for (const [attribute, value] of Object.entries(names)) {
        t.equal(ours[attribute], value, `${name}: inode ${number}, ${attribute}`);
        compared++;
      }
    }
    t.pass(`${name}: ${compared} attributes of ${Object.keys(kernel).length} inodes`);
    for (let number = 1; number <= Math.min(filesystem.superblock.inodesCount, 200); number++) readAll(filesystem, number);
  }
});

/** Attributes by inode as far as the kernel gives them. */
function surveyDamaged(path: string, directory: string): Record<string, Record<string, string>> {
  const mountPoint = mkdtempSync(join(directory, 'mount-'));
  mountByLoop(path, mountPoint, ['ro', 'errors=continue']);
  try {
    return JSON.parse(execFileSync('python3', ['-c', LENIENT_SURVEY, mountPoint]).toString()) as Record<string, Record<string, string>>;
  } finally {
    execFileSync('umount', ['-l', mountPoint]);
  }
}

const LENIENT_SURVEY = `
import json, os, sys
found = {}
for directory, directories, files in os.walk(sys.argv[1]):
    for name in [""] + directories + files:
        path = os.path.join(directory, name)
        try:
            state = os.lstat(path)
            one = found.setdefault(state.st_ino, {})
            for name in os.listxattr(path, follow_symlinks=False):
                try:
                    one[name] = os.getxattr(path, name, follow_symlinks=False).hex()
                except OSError:
                    pass
        except OSError:
            pass
json.dump(found, sys.stdout)
`;
