/** fdatasync(2): what was written is found after a crash, and a commit is made only where it would not be without one. */
import t, { type Test } from 'tap';
import { Times } from '../../server/ext4/layout/inode.js';
import type { DataMode } from '../../server/ext4/journalled-data.js';
import type { InodeNumber } from '../../server/ext4/units.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { mebibyte, type ImageRecipe } from '../support/image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { scratchDirectory } from '../support/scratch.js';
import { complaintsAbout, imageBytes, openWritable } from './images.js';

const ROUNDS = 120;
const LARGEST_FILE = 96 << 10;
const SEED = Number(process.env['SEED'] ?? 20261122);

/** One file, and what it holds; what has to be found after a crash at some moments. */
class SyncedFile {
  readonly contents = new Uint8Array(LARGEST_FILE);
  size = 0;
  readonly number: InodeNumber;
  readonly #writable: WritableFilesystem;

  constructor(writable: WritableFilesystem) {
    this.#writable = writable;
    const name = { bytes: Buffer.from('file'), offset: 0, length: 4 };
    this.number = writable.change(() => writable.namespace.create(writable.filesystem.root, name, { mode: 0o100600, umask: 0, uid: 0, gid: 0, device: 0 }).number);
  }

  write(offset: number, bytes: Uint8Array): void {
    const writable = this.#writable;
    writable.change(() => writable.contents.write(writable.filesystem.inode(this.number), offset, bytes, 0, bytes.length, true));
    this.contents.set(bytes, offset);
    this.size = Math.max(this.size, offset + bytes.length);
  }

  /** As the kernel does before each fsync(2) of a file that was written. */
  touch(seconds: number): void {
    const { inodes, filesystem } = this.#writable;
    this.#writable.change(() => inodes.touch(filesystem.inode(this.number), seconds, 0, true));
  }

  sync(dataOnly: boolean): void {
    const writable = this.#writable;
    const number = writable.beginCommit(dataOnly);
    writable.transactions.finish();
    if (writable.outcome(number) !== 'durable') throw new Error('not durable');
  }
}

function readBack(writable: WritableFilesystem, number: InodeNumber): Buffer {
  const inode = writable.filesystem.inode(number);
  const bytes = Buffer.alloc(inode.size);
  writable.contents.read(inode, 0, bytes.length, bytes, 0);
  return bytes;
}

async function crashAfterSyncs(t: Test, recipe: ImageRecipe, data: DataMode): Promise<void> {
  const random = new Random(SEED);
  const device = new RecordingDevice(await imageBytes(scratchDirectory(t, 'fuse4fs-data-syncs'), recipe));
  const writable = openWritable(device, 1 << 20, data);
  const file = new SyncedFile(writable);
  const moments: { readonly position: number; readonly contents: Buffer }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = new Uint8Array(1 + random.below(9000)).map(() => random.below(256));
    file.write(random.below(LARGEST_FILE - bytes.length), bytes);
    file.touch(1_700_000_000 + round);
    file.sync(random.below(5) > 0);
    moments.push({ position: device.recording.length, contents: Buffer.from(file.contents.slice(0, file.size)) });
  }
  for (const { position, contents } of moments) {
    const crashed = device.after(position, 'lost');
    const recovered = openWritable(new MemoryDevice(crashed), 1 << 20);
    t.ok(readBack(recovered, file.number).equals(contents), `a crash at event ${position}, seed ${SEED}`);
    recovered.close();
    if (position !== moments.at(-1)?.position) continue;
    t.equal(await complaintsAbout(scratchDirectory(t, 'fuse4fs-data-syncs'), crashed), undefined);
  }
  writable.close();
}

const small: ImageRecipe = { blockSize: 1024, arguments: ['-J', 'size=1'], size: 8 * mebibyte };
t.test('what was synced is found after a crash', (t) => crashAfterSyncs(t, small, 'ordered'));
t.test('also of data that goes through the journal', (t) => crashAfterSyncs(t, small, 'journal'));
t.test('also of a file that its inode holds at first', (t) => crashAfterSyncs(t, { ...small, features: ['inline_data'], arguments: ['-J', 'size=1', '-I', '256'] }, 'ordered'));
t.test('also of a file with a block map', (t) => crashAfterSyncs(t, { ...small, type: 'ext3' }, 'ordered'));

t.test('what is written over in place is flushed, and its times wait for a commit', async (t) => {
  const device = new RecordingDevice(await imageBytes(scratchDirectory(t, 'fuse4fs-data-syncs'), small));
  const writable = openWritable(device, 1 << 20);
  const file = new SyncedFile(writable);
  file.write(0, new Uint8Array(8192).fill(1));
  file.sync(true);
  t.ok(writable.transactions.isEmpty, 'blocks that were given to the file are committed');

  const transaction = writable.transactions.runningId;
  const before = device.recording.flushes.length;
  for (let round = 0; round < 10; round++) {
    file.write(1024 * (round % 8), new Uint8Array(1024).fill(round));
    file.touch(1_700_000_000 + round);
    file.sync(true);
  }
  t.equal(writable.transactions.runningId, transaction, 'nothing was committed');
  t.equal(device.recording.flushes.length - before, 10, 'one flush for each');
  file.touch(1_700_000_100);
  file.sync(true);
  t.equal(device.recording.flushes.length - before, 10, 'and none where nothing was written');

  file.sync(false);
  t.ok(writable.transactions.isEmpty, 'fsync(2) commits times');
  const recovered = openWritable(new MemoryDevice(device.after(device.recording.length, 'lost')));
  t.equal(recovered.filesystem.inode(file.number).seconds(Times.modification), 1_700_000_100);
  recovered.close();

  file.write(8192, Uint8Array.of(9));
  file.sync(true);
  t.equal(writable.transactions.runningId, transaction + 2, 'a larger size is committed');
  writable.close();
});
