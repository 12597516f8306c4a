/** Operations on files in tens of thousands of pieces, with journals that hold a small part of what they change. */
import t, { type Test } from 'tap';
import { AllocateMode } from '../../server/ext4/file-changes.js';
import type { Inode } from '../../server/ext4/inode.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import type { InodeNumber } from '../../server/ext4/units.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { mebibyte, type ImageRecipe } from '../support/image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { scratchDirectory } from '../support/scratch.js';
import { complaintsAbout, imageBytes, openWritable } from './images.js';

t.setTimeout(240_000);
const seed = Number(process.env['FUSE4FS_SEED'] ?? 101);
t.comment(`seed ${seed}`);
const CRASHES = 3;

interface SmallJournal extends ImageRecipe {
  readonly pieces: number;
}

const recipes: Readonly<Record<string, SmallJournal>> = {
  'extents, 1 KiB blocks': { blockSize: 1024, arguments: ['-J', 'size=1', '-g', '256'], features: ['^resize_inode', '^flex_bg'], size: 50 * mebibyte, pieces: 20_000 },
  'block map': { type: 'ext3', blockSize: 1024, arguments: ['-J', 'size=1', '-N', '64'], size: 50 * mebibyte, pieces: 20_000 },
};

const nameOf = (text: string): { bytes: Uint8Array; offset: number; length: number } => ({ bytes: Buffer.from(text), offset: 0, length: text.length });
const NAME = nameOf('pieces');

/** A file with every other block. */
function makePieces(writable: WritableFilesystem, pieces: number): InodeNumber {
  const { filesystem, contents, namespace } = writable;
  const { blockSize } = filesystem.superblock;
  const number = writable.change(() => namespace.create(filesystem.root, NAME, { mode: FileType.REGULAR | 0o644, umask: 0, uid: 0, gid: 0, device: 0 }).number);
  const block = new Uint8Array(blockSize).fill(7);
  for (let piece = 0; piece < pieces; ) {
    writable.change(() => {
      for (const end = Math.min(piece + 20, pieces); piece < end; piece++) contents.write(filesystem.inode(number), piece * 2 * blockSize, block, 0, blockSize, true);
    });
    filesystem.trim();
  }
  return number;
}

type Change = (writable: WritableFilesystem, inode: Inode) => void;

/** What gives it the blocks in between. */
const fillings: Readonly<Record<string, Change>> = {
  allocate: ({ contents }, inode) => {
    contents.allocate(inode, 0, inode.size, 0, true);
  },
  write: ({ contents }, inode) => {
    contents.write(inode, 3, new Uint8Array(inode.size), 0, inode.size, true);
  },
};

const changes: Readonly<Record<string, Change>> = {
  rm: ({ namespace, reaper, filesystem }) => {
    reaper.reap(namespace.unlink(filesystem.root, NAME).number);
  },
  truncate: ({ contents }, inode) => {
    contents.truncate(inode, 5);
  },
  punch: ({ contents }, inode) => {
    contents.allocate(inode, 5, inode.size, AllocateMode.PUNCH_HOLE | AllocateMode.KEEP_SIZE, true);
  },
  'zero range': ({ contents }, inode) => {
    contents.allocate(inode, 5, inode.size - 5, AllocateMode.ZERO_RANGE, true);
  },
};

for (const [title, recipe] of Object.entries(recipes)) {
  t.test(title, async (t) => {
    const random = new Random(seed);
    const mapsExtents = recipe.type !== 'ext3';
    const scratch = scratchDirectory(t, 'fuse4fs-small-journal');
    const device = new MemoryDevice(await imageBytes(scratch, recipe));
    const prepared = openWritable(device);
    const number = makePieces(prepared, recipe.pieces);
    prepared.close();
    let filled = device.bytes;
    for (const [what, change] of Object.entries(fillings)) {
      if (mapsExtents || what !== 'allocate') filled = await examine(t, scratch, what, device.bytes, number, change, random);
    }
    for (const [what, change] of Object.entries(changes)) {
      if (mapsExtents || what !== 'zero range') await examine(t, scratch, what, filled, number, change, random);
    }
  });
}

/** One change, whole and with the power cut in its midst. @returns the image after the whole */
async function examine(t: Test, scratch: string, what: string, before: Uint8Array, number: InodeNumber, change: Change, random: Random): Promise<Uint8Array> {
  const device = new RecordingDevice(before.slice());
  const writable = openWritable(device);
  let commits = 0;
  const start = device.recording.length;
  writable.transactions.listen({ committed: () => void commits++ });
  writable.change(() => {
    change(writable, writable.filesystem.inode(number));
  });
  const end = device.recording.length;
  writable.close();
  t.equal(await complaintsAbout(scratch, device.bytes), undefined, `${what}: e2fsck, after ${commits} commits`);
  for (let crash = 0; crash < CRASHES; crash++) {
    const position = start + random.below(end - start);
    const crashed = device.after(position, random.below(2) === 0 ? 'kept' : random);
    const recovered = openWritable(new MemoryDevice(crashed));
    t.equal(recovered.superblock.lastOrphan, 0, 'what was on the way to be freed is free');
    recovered.close();
    const complaints = await complaintsAbout(scratch, crashed);
    if (complaints !== undefined) t.fail(`${what}, crash at event ${position}: ${complaints}`);
  }
  return device.bytes;
}

t.test('a directory of one long extent', async (t) => {
  const scratch = scratchDirectory(t, 'fuse4fs-small-journal');
  const bytes = await imageBytes(scratch, { blockSize: 1024, arguments: ['-J', 'size=1', '-N', '64'], size: 40 * mebibyte });
  const writable = openWritable(new MemoryDevice(bytes));
  const { filesystem, namespace, reaper, counters, inodes } = writable;
  const free = counters.totals.freeClusters;
  const number = writable.change(() => namespace.create(filesystem.root, NAME, { mode: FileType.DIRECTORY | 0o755, umask: 0, uid: 0, gid: 0, device: 0 }).number);
  writable.change(() => {
    const directory = filesystem.inode(number);
    writable.contents.allocate(directory, 0, 32 * mebibyte, AllocateMode.KEEP_SIZE, true);
  });
  t.ok(counters.totals.freeClusters < free - 32_000, 'it has its blocks');
  writable.change(() => {
    inodes.setSize(filesystem.inode(number), 1024);
    reaper.reap(namespace.rmdir(filesystem.root, NAME).number);
  });
  t.equal(counters.totals.freeClusters, free, 'and loses them all');
  writable.close();
  t.equal(await complaintsAbout(scratch, bytes), undefined, 'e2fsck');
});
