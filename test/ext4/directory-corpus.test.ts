import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { MemoryDevice } from '../support/memory-device.js';
import { DirectoryReader } from './directory-harness.js';
import { cannotMount } from './kernel-image.js';

t.setTimeout(300_000);
const CORPUS = join(process.env['FUSE4FS_CORPUS'] ?? join(import.meta.dirname, '../../../../shared/corpus'), 'e2fsprogs');
const skip = existsSync(CORPUS) ? cannotMount() : 'there is no corpus of damaged images';

/** What the kernel lists of each directory until it fails, and the inode it finds under each name (0: none). */
const LIST = `
import json, os, sys
top = os.fsencode(sys.argv[1])
found = {}
seen = set()
def inode(path):
    try: return os.lstat(path).st_ino
    except OSError: return 0
def look(path):
    entries = []
    try:
        for entry in os.scandir(path): entries.append(entry)
    except OSError: pass
    found[path[len(top) + 1:].hex()] = [[entry.name.hex(), entry.inode(), inode(entry.path)] for entry in entries]
    for entry in entries:
        try:
            if entry.inode() not in seen and entry.is_dir(follow_symlinks=False):
                seen.add(entry.inode())
                look(entry.path)
        except OSError: pass
look(top)
json.dump(found, sys.stdout)
`;

type KernelView = Record<string, [name: string, inode: number, found: number][]>;

/** Undefined where the kernel does not mount the image. */
function kernelView(image: string, mountPoint: string): KernelView | undefined {
  if (spawnSync('mount', ['-t', 'ext4', '-o', 'loop,ro', image, mountPoint]).status !== 0) return undefined;
  try {
    return JSON.parse(execFileSync('python3', ['-c', LIST, mountPoint], { maxBuffer: 1 << 29 }).toString()) as KernelView;
  } finally {
    if (spawnSync('umount', [mountPoint]).status !== 0) spawnSync('umount', ['-l', mountPoint]);
  }
}

function missing(reader: DirectoryReader, view: KernelView): string[] {
  const lacks: string[] = [];
  for (const [path, entries] of Object.entries(view)) {
    const where = Buffer.from(path, 'hex').toString();
    const dir = reader.resolve(where);
    const listed = new Map<string, Set<number>>();
    reader.visitAll(dir, 30, ({ inode, bytes, nameOffset, nameLength }) => {
      const name = Buffer.from(bytes.subarray(nameOffset, nameOffset + nameLength)).toString('hex');
      listed.set(name, (listed.get(name) ?? new Set<number>()).add(inode));
    });
    for (const [name, inode, found] of entries) {
      if (listed.get(name)?.has(inode) !== true) lacks.push(`${where}: ${name} is not listed with inode ${inode}`);
      if (found !== 0 && reader.lookup(dir, Buffer.from(name, 'hex')) !== found) lacks.push(`${where}: ${name} is not found as inode ${found}`);
    }
  }
  return lacks;
}

t.test('damaged directories: what the kernel lists is listed, what it finds is found', { skip }, async (t) => {
  const scratch = mkdtempSync(join(tmpdir(), 'fuse4fs-corpus-'));
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const mountPoint = join(scratch, 'mount');
  const image = join(scratch, 'image');
  mkdirSync(mountPoint);
  let compared = 0;
  for (const name of readdirSync(CORPUS).filter((file) => /_h_|dir|htree|_de\d|dot|hash|fname/.test(file))) {
    const bytes = new Uint8Array(gunzipSync(readFileSync(join(CORPUS, name)), { finishFlush: 2 }));
    writeFileSync(image, bytes);
    const view = kernelView(image, mountPoint);
    if (view === undefined) continue;
    compared++;
    t.same(missing(new DirectoryReader(Filesystem.open(new MemoryDevice(bytes, true))), view), [], name);
  }
  t.ok(compared > 10, `${compared} images`);
});
