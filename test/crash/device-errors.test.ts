/** Devices that fail: a journal that cannot be written ends all changes, and what was committed is there at the next mount. */
import t from 'tap';
import { DeviceError, errno, FilesystemError } from '../../server/ext4/errors.js';
import { inodeNumber, type InodeNumber } from '../../server/ext4/units.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { mebibyte, type ImageRecipe } from '../support/image.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { scratchDirectory } from '../support/scratch.js';
import { Exerciser } from './exerciser.js';
import { complaintsAbout, imageBytes, openWritable } from './images.js';

t.setTimeout(600_000);
const first = Number(process.env['FUSE4FS_SEED'] ?? 129);
const SEEDS = 4;

const recipes: Readonly<Record<string, ImageRecipe>> = {
  ext4: { blockSize: 1024, size: 12 * mebibyte, arguments: ['-J', 'size=1', '-N', '512'] },
  ext3: { type: 'ext3', blockSize: 1024, size: 12 * mebibyte, arguments: ['-J', 'size=1', '-N', '512'] },
  bigalloc: { blockSize: 1024, features: ['bigalloc'], size: 12 * mebibyte, arguments: ['-C', '4096', '-J', 'size=1', '-N', '512'] },
};

for (const [name, recipe] of Object.entries(recipes)) {
  for (let seed = first; seed < first + SEEDS; seed++) {
    t.test(`${name}, the journal cannot be written, seed ${seed}`, async (t) => {
      const scratch = scratchDirectory(t, 'fuse4fs-errors');
      const bytes = await imageBytes(scratch, recipe);
      const random = new Random(seed);
      const device = new RecordingDevice(bytes);
      const writable = openWritable(device);
      const exerciser = new Exerciser(writable, random);
      for (let step = 0; step < 100; step++) exerciser.step();
      const after = 20 + random.below(400);
      const broken = (index: number): boolean => index >= after;
      if (random.below(2) === 0) device.failures = { flush: (index) => index >= after / 10 };
      else device.failures = { write: broken, flush: (index) => index >= after };
      exerciser.tolerated.add(errno.EIO).add(errno.EROFS);
      t.ok(failsForGood(writable, exerciser), 'it ends with an error');
      t.match(refusal(writable), { errno: errno.EROFS }, 'and nothing can be changed then');
      t.doesNotThrow(() => readable(writable), 'but read');
      device.failures = {};
      try {
        writable.close();
      } catch (error) {
        t.ok(error instanceof FilesystemError, String(error));
      }
      openWritable(new RecordingDevice(bytes)).close();
      t.equal(await complaintsAbout(scratch, bytes), undefined, 'e2fsck after the next mount');
    });
  }
}

const name = (text: string): { bytes: Uint8Array; offset: number; length: number } => ({ bytes: Buffer.from(text), offset: 0, length: text.length });
const wanted = { mode: 0o100644, umask: 0, uid: 0, gid: 0, device: 0 };
/** s_error_count, and what became of s_last_error_time. */
const recordedErrors = (bytes: Uint8Array): { count: number; known: boolean } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + 1024);
  return { count: view.getUint32(0x194, true), known: view.getUint32(0x1cc, true) > 0 };
};

t.test('a commit that fails is noted in the superblock', async (t) => {
  const scratch = scratchDirectory(t, 'fuse4fs-errors');
  for (const superblockFails of [false, true]) {
    const bytes = await imageBytes(scratch, recipes['ext4'] as ImageRecipe);
    const device = new RecordingDevice(bytes);
    const writable = openWritable(device);
    writable.change(() => writable.namespace.create(writable.filesystem.root, name('file'), wanted).number);
    device.failures = { write: (_index, position) => superblockFails || position > 4096 };
    t.equal(errnoOf(() => writable.commit()), errno.EIO);
    if (!superblockFails) t.same(recordedErrors(bytes), { count: 1, known: true }, 'at once');
    device.failures = {};
    writable.close();
    t.ok(recordedErrors(bytes).known, 'and after the unmount');
    const next = openWritable(new RecordingDevice(bytes));
    t.equal(errnoOf(() => next.filesystem.inode(inodeNumber(12))), errno.ESTALE, 'what was not committed is not there');
    next.close();
    t.ok(recordedErrors(bytes).known, 'and after the next mount');
  }
});

t.test('metadata that cannot be read fails one operation', async (t) => {
  const scratch = scratchDirectory(t, 'fuse4fs-errors');
  const bytes = await imageBytes(scratch, recipes['ext4'] as ImageRecipe);
  const first = openWritable(new RecordingDevice(bytes));
  const files = ['one', 'two'].map((text) => first.change(() => first.namespace.create(first.filesystem.root, name(text), wanted).number));
  // Many pieces, so that the tree has nodes of its own.
  for (let piece = 0; piece < 12; piece++) for (const file of files) first.change(() => first.contents.write(first.filesystem.inode(file), piece * 4096, new Uint8Array(1024).fill(1), 0, 1024, true));
  const node = first.filesystem.inode(files[0] as InodeNumber).view.getUint32(first.filesystem.inode(files[0] as InodeNumber).offset + 0x28 + 12 + 4, true);
  first.close();
  const device = new RecordingDevice(bytes);
  const writable = openWritable(device);
  device.failures = { read: (_index, position) => position === node * 1024 };
  const truncate = (file: InodeNumber | undefined): void => {
    writable.change(() => {
      writable.contents.truncate(writable.filesystem.inode(file as InodeNumber), 100);
    });
  };
  t.equal(errnoOf(() => truncate(files[0])), errno.EIO, 'EIO where it is needed');
  t.doesNotThrow(() => truncate(files[1]), 'the rest goes on');
  writable.commit();
  device.failures = {};
  t.doesNotThrow(() => truncate(files[0]), 'and once it can be read, so does this');
  writable.close();
  t.equal(await complaintsAbout(scratch, bytes), undefined, 'e2fsck');
});

t.test('data that cannot be written', async (t) => {
  const scratch = scratchDirectory(t, 'fuse4fs-errors');
  const bytes = await imageBytes(scratch, recipes['ext4'] as ImageRecipe);
  const device = new RecordingDevice(bytes);
  const writable = openWritable(device);
  const file = writable.change(() => writable.namespace.create(writable.filesystem.root, name('file'), wanted).number);
  const write = (offset: number): void => {
    writable.change(() => {
      writable.contents.write(writable.filesystem.inode(file), offset, new Uint8Array(3000).fill(1), 0, 3000, true);
    });
  };
  write(0);
  writable.commit();
  device.failures = { write: () => true };
  t.equal(errnoOf(() => write(3000)), errno.EIO);
  t.equal(writable.filesystem.inode(file).size, 3000, 'the write leaves no trace');
  device.failures = { flush: () => true };
  write(0);
  t.equal(errnoOf(() => writable.commit()), errno.EIO, 'fsync reports what the device could not keep');
  device.failures = {};
  writable.close();
  openWritable(new RecordingDevice(bytes)).close();
  t.equal(await complaintsAbout(scratch, bytes), undefined, 'e2fsck');
});

t.test('an orphan that cannot be freed', async (t) => {
  const scratch = scratchDirectory(t, 'fuse4fs-errors');
  const bytes = await imageBytes(scratch, recipes['ext4'] as ImageRecipe);
  const device = new RecordingDevice(bytes);
  const writable = openWritable(device);
  const [broken, sound] = [0, 1].map(() => writable.change(() => writable.namespace.createUnnamed(writable.filesystem.root, wanted).number)) as [InodeNumber, InodeNumber];
  for (let piece = 0; piece < 12; piece++) writable.change(() => writable.contents.write(writable.filesystem.inode(broken), piece * 4096, new Uint8Array(1024).fill(1), 0, 1024, true));
  const inode = writable.filesystem.inode(broken);
  const node = inode.view.getUint32(inode.offset + 0x28 + 12 + 4, true);
  writable.commit();
  writable.transactions.checkpoint();
  const crashed = device.after(device.recording.length, 'kept');
  crashed.fill(0, node * 1024, node * 1024 + 16);
  const problems: string[] = [];
  const next = WritableFilesystem.open(new RecordingDevice(crashed), { barriers: true, mountPoint: '/test', discard: false, report: (problem) => problems.push(problem.message) });
  t.match(problems, [/orphan list \(inode \d+\): the inode can be neither deleted nor shortened, and stays on the list: extent tree/]);
  t.same(next.orphans.all(), [broken], 'the other one is gone');
  t.not(broken, sound);
  next.close();
  t.equal(new DataView(crashed.buffer).getUint16(1024 + 0x3a, true) & 2, 2, 'the filesystem is marked as damaged');
});

function errnoOf(act: () => unknown): number {
  try {
    act();
    return 0;
  } catch (error) {
    return error instanceof FilesystemError ? error.errno : -1;
  }
}

function failsForGood(writable: WritableFilesystem, exerciser: Exerciser): boolean {
  for (let step = 0; step < 3000 && writable.transactions.aborted === undefined; step++) {
    try {
      exerciser.step();
    } catch (error) {
      // What was to be written in place may be there in part: only the journal matters here.
      if (!(error instanceof DeviceError) && writable.transactions.aborted === undefined) throw error;
    }
  }
  return writable.transactions.aborted !== undefined;
}

function refusal(writable: WritableFilesystem): unknown {
  try {
    writable.change(() => undefined);
    return undefined;
  } catch (error) {
    return error;
  }
}

function readable({ filesystem }: WritableFilesystem): void {
  filesystem.directories.iterate(filesystem.root, 0, () => true);
}
