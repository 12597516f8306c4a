import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, fsyncSync, mkdirSync, openSync, closeSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { FilesystemError } from '../../server/ext4/errors.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { inodeNumber } from '../../server/ext4/units.js';
import { debugfs, differingBlocks, JournalLaboratory, journalInodeBlocks, run } from '../support/journal-image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { corpusDirectory } from '../hostile/corpus.js';

t.setTimeout(180_000);
const laboratory = new JournalLaboratory();
t.teardown(() => laboratory.remove());

const canMount = process.getuid?.() === 0 && existsSync('/dev/loop-control');
const needsMount = canMount ? false : 'needs root and loop devices';

/** The whole device as a read-only mount sees it. */
function recoveredView(image: string, journal?: string): Uint8Array {
  const device = MemoryDevice.of(image, true);
  const before = device.bytes.slice();
  const filesystem = Filesystem.open(device, journal === undefined ? {} : { journalDevice: MemoryDevice.of(journal, true) });
  const view = new Uint8Array(device.size);
  filesystem.device.read(view, 0, view.length, 0);
  t.equal(Buffer.compare(before, device.bytes), 0, 'the device is untouched');
  return view;
}

function mount(image: string, options: string): { readonly path: string; readonly unmount: () => void } {
  const path = laboratory.file('mount');
  mkdirSync(path);
  // A loop device made by mount itself would be read-only for a read-only mount, and the kernel could not replay.
  const loop = run('losetup', ['-f', '--show', image]).trim();
  try {
    run('mount', ['-t', 'ext4', '-o', options, loop, path]);
  } finally {
    // Takes effect when the mount is gone.
    run('losetup', ['-d', loop]);
  }
  let mounted = true;
  const unmount = (): void => {
    if (!mounted) return;
    mounted = false;
    const { status } = spawnSync('umount', [path]);
    if (status !== 0) spawnSync('umount', ['-l', path]);
  };
  t.teardown(unmount);
  return { path, unmount };
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'w');
  writeSync(fd, bytes);
  fsyncSync(fd);
  closeSync(fd);
}

/** Work that makes transactions of all kinds: growing directories, revoked blocks, contents that look like the log. */
function work(root: string): void {
  const magic = Buffer.alloc(20_000, Uint8Array.of(0xc0, 0x3b, 0x39, 0x98));
  for (let round = 0; round < 6; round++) {
    const directory = join(root, `directory-${round}`);
    mkdirSync(directory);
    for (let index = 0; index < 200; index++) writeFileSync(join(directory, `a-name-that-takes-some-room-${index}`), `${round} ${index}`);
    writeDurably(join(directory, 'durable'), magic);
    if (round % 2 === 1) {
      rmSync(join(root, `directory-${round - 1}`), { recursive: true });
      writeDurably(join(directory, 'again'), magic.subarray(round));
    }
    renameSync(join(directory, 'durable'), join(root, `renamed-${round}`));
    writeDurably(join(root, 'last'), Buffer.from(String(round)));
  }
}

t.test('images copied from below a kernel that is using them', { skip: needsMount }, async (t) => {
  const cases = [
    { blockSize: 4096, features: '', options: 'data=ordered' },
    { blockSize: 4096, features: '', options: 'data=journal' },
    { blockSize: 4096, features: '', options: 'journal_async_commit,data=writeback' },
    { blockSize: 1024, features: '^metadata_csum,^64bit,^extent', options: 'data=journal' },
    { blockSize: 1024, features: '^metadata_csum,64bit', options: 'journal_checksum' },
  ];
  for (const { blockSize, features, options } of cases) {
    const image = laboratory.make({ blockSize, features, size: '48M', journalSize: 4 });
    const mounted = mount(image, options);
    work(mounted.path);
    const copy = laboratory.copy(image);
    mounted.unmount();

    const name = `${blockSize} ${features} ${options}`;
    const log = journalInodeBlocks(copy);
    const ours = recoveredView(copy);
    t.same(differingBlocks(ours, laboratory.replayedByReference(copy), blockSize, log), [], `${name}: as e2fsck replays it`);

    const replayed = laboratory.copy(copy);
    mount(replayed, 'ro').unmount();
    t.same(differingBlocks(ours, new Uint8Array(readFileSync(replayed)), blockSize, log), [], `${name}: as the kernel replays it`);

    const stored = laboratory.file('recovered');
    writeFileSync(stored, ours);
    t.equal(spawnSync('e2fsck', ['-fn', stored]).status, 0, `${name}: e2fsck finds it clean`);
    t.not(differingBlocks(ours, new Uint8Array(readFileSync(copy)), blockSize, log).length, 0, `${name}: there was something to recover`);
  }
});

t.test('an external journal', { skip: needsMount }, async (t) => {
  const journal = laboratory.file('journal');
  writeFileSync(journal, '');
  run('mke2fs', ['-q', '-F', '-b', '4096', '-O', 'journal_dev', journal, '8M']);
  const image = laboratory.file('image');
  writeFileSync(image, '');
  const loop = run('losetup', ['-f', '--show', journal]).trim();
  try {
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', '-J', `device=${loop}`, image, '64M']);
    const content = laboratory.content(new Uint8Array(10 * 4096).fill(0x5a));
    debugfs(image, [`jo -c -v 3 -f ${loop}`, `jw -b 6000-6009 ${content}`, 'jw -r 6003', 'jc']);
    const stored = new Uint8Array(readFileSync(image));
    const ours = recoveredView(image, journal);
    t.same(differingBlocks(ours, stored, 4096, []), [6000, 6001, 6002, 6004, 6005, 6006, 6007, 6008, 6009]);

    t.throws(() => Filesystem.open(MemoryDevice.of(image)), { code: 'OPERATION', message: /journal is on another device/ });
    t.equal(Filesystem.open(MemoryDevice.of(image), { noJournalRecovery: true }).root.isDirectory, true);
    const other = MemoryDevice.of(journal);
    other.bytes.fill(1, 1024 + 0x68, 1024 + 0x78);
    t.throws(() => Filesystem.open(MemoryDevice.of(image), { journalDevice: other }), { code: 'UNSUPPORTED_FEATURE', message: /UUID/ });
    t.throws(() => Filesystem.open(MemoryDevice.of(image), { journalDevice: MemoryDevice.of(image) }), { code: 'UNSUPPORTED_FEATURE' });
    const shared = MemoryDevice.of(journal);
    shared.bytes[4096 + 0x43] = 2;
    t.throws(() => Filesystem.open(MemoryDevice.of(image), { journalDevice: shared }), { code: 'CORRUPT' });
  } finally {
    execFileSync('losetup', ['-d', loop]);
  }
});

t.test('a journal is left alone where it should be', async (t) => {
  const image = laboratory.make({ blockSize: 1024 });
  const content = laboratory.content(new Uint8Array(1024).fill(0x77));
  debugfs(image, ['jo', `jw -b 9000 ${content}`, 'jc']);
  const byte = (filesystem: Filesystem): number => {
    const bytes = new Uint8Array(1);
    filesystem.device.read(bytes, 0, 1, 9000 * 1024);
    return bytes[0] as number;
  };
  t.equal(byte(Filesystem.open(MemoryDevice.of(image))), 0x77);
  t.equal(byte(Filesystem.open(MemoryDevice.of(image), { noJournalRecovery: true })), 0, 'noload');
  debugfs(image, ['feature -needs_recovery']);
  t.equal(byte(Filesystem.open(MemoryDevice.of(image))), 0, 'the superblock asks for no recovery');
});

const corpus = join(corpusDirectory, 'e2fsprogs');
const needsCorpus = existsSync(corpus) ? false : 'the corpus of damaged images is not here';

/** Of work: what else the machine does in the meantime does not count. */
const MOST_MICROSECONDS = 5e6;

t.test('damaged journals', { skip: needsCorpus }, async (t) => {
  for (const name of readdirSync(corpus).filter((file) => /^j_|jnl|jour/.test(file))) {
    const device = new MemoryDevice(new Uint8Array(gunzipSync(readFileSync(join(corpus, name)), { finishFlush: 2 })), true);
    const problems: string[] = [];
    const started = process.cpuUsage();
    let outcome = 'opened';
    try {
      const filesystem = Filesystem.open(device, { report: (problem) => problems.push(problem.message) });
      filesystem.inode(inodeNumber(2));
    } catch (error) {
      if (!(error instanceof FilesystemError)) throw error;
      outcome = error.message;
    }
    const { user, system } = process.cpuUsage(started);
    t.ok(user + system < MOST_MICROSECONDS, `${name}: ${outcome} ${problems.join('; ')}`);
  }
});
