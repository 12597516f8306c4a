// time limit: 900 s
/** Directories and files that are large enough for every level of their trees. */
import t, { type Test } from 'tap';
import { errno, FilesystemError } from '../../server/ext4/errors.js';
import { AllocateMode } from '../../server/ext4/file-changes.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import type { InodeNumber } from '../../server/ext4/units.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { mebibyte, type ImageRecipe } from '../support/image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';
import { complaintsAbout, imageBytes, openWritable } from './images.js';

t.setTimeout(600_000);
const seed = Number(process.env['FUSE4FS_SEED'] ?? 115);
t.comment(`seed ${seed}`);

const nameOf = (text: string): { bytes: Uint8Array; offset: number; length: number } => ({ bytes: Buffer.from(text), offset: 0, length: text.length });

const make = ({ namespace, filesystem }: WritableFilesystem, name: string, mode: number): InodeNumber =>
  namespace.create(filesystem.root, nameOf(name), { mode, umask: 0, uid: 0, gid: 0, device: 0 }).number;

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [result[last], result[other]] = [result[other] as Item, result[last] as Item];
  }
  return result;
}

interface LargeDirectory extends ImageRecipe {
  readonly names: number;
  readonly nameLength: number;
  /** It must become full. */
  readonly overflows?: boolean;
}

const directories: Readonly<Record<string, LargeDirectory>> = {
  'two levels': { blockSize: 1024, size: 64 * mebibyte, names: 15_000, nameLength: 30 },
  '50,000 long names, three levels': { blockSize: 1024, features: ['large_dir'], size: 96 * mebibyte, names: 50_000, nameLength: 250 },
  'more than two levels hold': { blockSize: 1024, size: 96 * mebibyte, names: 50_000, nameLength: 250, overflows: true },
  'ext3': { type: 'ext3', blockSize: 1024, size: 64 * mebibyte, names: 10_000, nameLength: 60 },
  'without indexes': { blockSize: 1024, features: ['^dir_index'], size: 32 * mebibyte, names: 1500, nameLength: 100 },
};

for (const [title, recipe] of Object.entries(directories)) {
  t.test(title, async (t) => {
    const random = new Random(seed);
    const scratch = scratchDirectory(t, 'fuse4fs-large');
    const bytes = await imageBytes(scratch, recipe);
    const writable = openWritable(new MemoryDevice(bytes));
    const { filesystem, namespace, counters } = writable;
    const before = { ...counters.totals };
    const directory = writable.change(() => make(writable, 'directory', FileType.DIRECTORY | 0o755));
    const file = writable.change(() => make(writable, 'file', FileType.REGULAR | 0o644));
    const names: string[] = [];
    let refusals = 0;
    for (let index = 0; index < recipe.names; index++) {
      const name = `${random.word()}-${index}-`.padEnd(recipe.nameLength, 'n');
      const free = counters.totals.freeClusters;
      try {
        writable.change(() => namespace.link(filesystem.inode(file), filesystem.inode(directory), nameOf(name)));
        names.push(name);
      } catch (error) {
        if (!(error instanceof FilesystemError) || error.errno !== errno.ENOSPC) throw error;
        if (counters.totals.freeClusters !== free) t.fail('a name without room leaves blocks behind');
        if (++refusals > 20) break;
      }
      filesystem.trim();
    }
    t.equal(refusals > 0, recipe.overflows === true, `${names.length} names, ${refusals} refused`);
    const missing = names.filter((name) => filesystem.directories.lookup(filesystem.inode(directory), Buffer.from(name), 0, name.length) !== file);
    t.equal(missing.length, 0, 'every name is found');
    await checkCopy(t, scratch, writable, bytes);

    for (const name of shuffled(names, random)) {
      writable.change(() => namespace.unlink(filesystem.inode(directory), nameOf(name)));
      filesystem.trim();
    }
    t.ok(filesystem.directories.isEmpty(filesystem.inode(directory)), 'nothing is left in it');
    writable.change(() => writable.reaper.reap(namespace.rmdir(filesystem.root, nameOf('directory')).number));
    writable.change(() => writable.reaper.reap(namespace.unlink(filesystem.root, nameOf('file')).number));
    t.strictSame({ ...counters.totals }, before, 'every block is free again');
    writable.close();
    t.equal(await complaintsAbout(scratch, bytes), undefined, 'e2fsck at the end');
  });
}

const files: Readonly<Record<string, ImageRecipe & { readonly pieces: number; readonly depth: number }>> = {
  'thousands of extents': { blockSize: 1024, size: 64 * mebibyte, pieces: 6000, depth: 2 },
  'extents three levels deep': { blockSize: 1024, size: 96 * mebibyte, pieces: 32_000, depth: 3 },
  'pieces of a file with block maps': { type: 'ext2', blockSize: 1024, size: 64 * mebibyte, pieces: 20_000, depth: 0 },
  'extents of bigalloc': { blockSize: 1024, features: ['bigalloc'], arguments: ['-C', '4096'], size: 128 * mebibyte, pieces: 6000, depth: 2 },
};

for (const [title, recipe] of Object.entries(files)) {
  t.test(title, async (t) => {
    const random = new Random(seed);
    const scratch = scratchDirectory(t, 'fuse4fs-large');
    const bytes = await imageBytes(scratch, recipe);
    const writable = openWritable(new MemoryDevice(bytes));
    const { filesystem, contents, counters } = writable;
    const before = { ...counters.totals };
    const file = writable.change(() => make(writable, 'file', FileType.REGULAR | 0o644));
    const { blockSize } = filesystem.superblock;
    const places = Array.from({ length: recipe.pieces }, (_, index) => index * 2);
    const block = new Uint8Array(blockSize);
    for (const place of shuffled(places, random)) {
      new DataView(block.buffer).setUint32(0, place + 1);
      writable.change(() => contents.write(filesystem.inode(file), place * blockSize, block, 0, blockSize, true));
      filesystem.trim();
    }
    if (recipe.depth > 0) t.equal(filesystem.mapping.extents.depth(filesystem.inode(file)), recipe.depth, 'the depth of the tree');
    const wrong = places.filter((place) => {
      contents.read(filesystem.inode(file), place * blockSize, blockSize, block, 0);
      return new DataView(block.buffer).getUint32(0) !== place + 1;
    });
    t.equal(wrong.length, 0, 'every block has its contents');
    await checkCopy(t, scratch, writable, bytes);

    for (const place of shuffled(places, random).slice(0, Math.floor(places.length / 2))) {
      writable.change(() => contents.allocate(filesystem.inode(file), place * blockSize, blockSize, AllocateMode.PUNCH_HOLE | AllocateMode.KEEP_SIZE, true));
      filesystem.trim();
    }
    await checkCopy(t, scratch, writable, bytes);
    writable.change(() => contents.truncate(filesystem.inode(file), 0));
    if (filesystem.inode(file).hasFlag('EXTENTS')) t.equal(filesystem.mapping.extents.depth(filesystem.inode(file)), 0, 'the tree falls back into the inode');
    writable.change(() => writable.reaper.reap(writable.namespace.unlink(filesystem.root, nameOf('file')).number));
    t.strictSame({ ...counters.totals }, before, 'every block is free again');
    writable.close();
    t.equal(await complaintsAbout(scratch, bytes), undefined, 'e2fsck at the end');
  });
}

/** What an unmount now would leave. */
async function checkCopy(t: Test, scratch: string, { transactions }: WritableFilesystem, bytes: Uint8Array): Promise<void> {
  transactions.checkpoint();
  const copy = bytes.slice();
  openWritable(new MemoryDevice(copy)).close();
  t.equal(await complaintsAbout(scratch, copy), undefined, 'e2fsck meanwhile');
}
