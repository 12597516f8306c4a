/** FSYNC and commits that are under way: who waits for what, and what becomes of those who wait when it fails. */
import t, { type Test } from 'tap';
import { errno } from '../../server/ext4/errors.js';
import { inodeNumber } from '../../server/ext4/units.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { DeferredSyncs } from '../../server/operations/deferred-syncs.js';
import type { Request } from '../../server/session/request.js';
import { complaintsAbout, imageBytes, openWritable } from '../crash/images.js';
import { HeldJobs } from '../support/held-jobs.js';
import { mebibyte } from '../support/image.js';
import { RecordingDevice } from '../support/recording-device.js';
import { scratchDirectory } from '../support/scratch.js';

t.setTimeout(120_000);
const MANY_STEPS = 1000;

class Bench {
  readonly jobs = new HeldJobs();
  readonly answers: [number, number][] = [];
  readonly answer = (uniqueLow: number, _uniqueHigh: number, outcome: number): void => void this.answers.push([uniqueLow, outcome]);
  readonly writable: WritableFilesystem;
  readonly syncs: DeferredSyncs;
  readonly device: RecordingDevice;
  #made = 0;

  constructor(device: RecordingDevice) {
    this.device = device;
    this.writable = openWritable(device, 1 << 20, 'ordered', this.jobs);
    this.writable.commit();
    this.syncs = new DeferredSyncs(() => this.writable);
    this.#settled();
  }

  make(): void {
    const text = `made-${this.#made++}`;
    const name = { bytes: Buffer.from(text), offset: 0, length: text.length };
    this.writable.change(() => this.writable.namespace.create(this.writable.filesystem.root, name, { mode: 0o100644, umask: 0, uid: 0, gid: 0, device: 0 }).number);
  }

  /** An FSYNC, and what the session does then. */
  sync(unique: number, dataOnly = false): void {
    this.syncs.defer({ uniqueLow: unique, uniqueHigh: 0 } as Request, dataOnly);
    this.#settled();
  }

  /** What fdatasync(2) does not wait for. */
  touch(): void {
    this.writable.change(() => this.writable.inodes.touch(this.writable.filesystem.root, 1_700_000_000, 0, true));
  }

  advance(steps: number): void {
    this.jobs.advance(steps);
    this.#settled();
  }

  get flushes(): number {
    return this.device.recording.flushes.length;
  }

  /** As the loop of the filesystem thread does. */
  #settled(): void {
    if (this.syncs.isUnderWay) this.syncs.collect(this.answer);
    if (this.syncs.isDue) this.syncs.settle(this.answer);
  }
}

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

const image = async (t: Test): Promise<Uint8Array> => imageBytes(scratchDirectory(t, 'fuse4fs-background'), { blockSize: 1024, arguments: ['-J', 'size=1', '-N', '512'], size: 8 * mebibyte });

t.test('whoever comes during a commit shares the next one', async (t) => {
  const bench = new Bench(new RecordingDevice(await image(t)));
  bench.make();
  bench.sync(1);
  bench.make();
  bench.sync(2);
  bench.make();
  bench.sync(3);
  t.same(bench.answers, [], 'nobody is answered while nothing is durable');
  const before = bench.flushes;
  bench.advance(MANY_STEPS);
  t.same(bench.answers, [[1, 0]]);
  t.equal(bench.flushes - before, 2);
  bench.advance(MANY_STEPS);
  t.same(bench.answers, [[1, 0], [2, 0], [3, 0]]);
  t.equal(bench.flushes - before, 4, 'two commits for three');
  bench.sync(4);
  t.same(bench.answers.at(-1), [4, 0], 'what is durable needs none');
  t.equal(bench.flushes - before, 4);
  bench.writable.close();
  t.equal(await complaintsAbout(scratchDirectory(t, 'fuse4fs-background'), bench.device.bytes), undefined);
});

t.test('whoever comes when all that was done is being committed waits for that', async (t) => {
  const bench = new Bench(new RecordingDevice(await image(t)));
  bench.make();
  bench.sync(1);
  bench.sync(2);
  t.same(bench.answers, []);
  bench.advance(MANY_STEPS);
  t.same(bench.answers, [[1, 0], [2, 0]]);
  t.notOk(bench.writable.transactions.isBusy);
  bench.writable.close();
});

t.test('data alone is flushed, and a flush that fails is the error of those who wait for it', async (t) => {
  const bench = new Bench(new RecordingDevice(await image(t)));
  const flushes = bench.flushes;
  bench.writable.writer.unflushed = true;
  bench.sync(1);
  t.same(bench.answers, []);
  bench.advance(1);
  t.same(bench.answers, [[1, 0]]);
  t.equal(bench.flushes - flushes, 1);
  bench.writable.writer.unflushed = true;
  bench.device.failures = { flush: () => true };
  bench.sync(2);
  bench.advance(1);
  t.same(bench.answers.at(-1), [2, -errno.EIO]);
  bench.device.failures = {};
  bench.make();
  bench.sync(3);
  bench.advance(MANY_STEPS);
  t.same(bench.answers.at(-1), [3, 0], 'the journal is as it was');
  bench.writable.close();
});

t.test('who waits for data alone waits for a commit if others do', async (t) => {
  const bench = new Bench(new RecordingDevice(await image(t)));
  bench.touch();
  const flushes = bench.flushes;
  bench.writable.writer.unflushed = true;
  bench.sync(1, true);
  bench.advance(1);
  t.same(bench.answers, [[1, 0]]);
  t.equal(bench.flushes - flushes, 1);
  t.notOk(bench.writable.transactions.isEmpty, 'the times are not durable');

  bench.writable.writer.unflushed = true;
  bench.sync(2, true);
  bench.sync(3, true);
  bench.sync(4);
  bench.advance(1);
  t.same(bench.answers, [[1, 0], [2, 0]]);
  bench.advance(MANY_STEPS);
  t.same(bench.answers, [[1, 0], [2, 0], [3, 0], [4, 0]]);
  t.equal(bench.flushes - flushes, 4);
  t.ok(bench.writable.transactions.isEmpty);

  bench.touch();
  bench.sync(5, true);
  t.same(bench.answers.at(-1), [5, 0], 'without data there is nothing to wait for');
  bench.syncs.want();
  bench.sync(6, true);
  bench.advance(MANY_STEPS);
  t.same(bench.answers.at(-1), [6, 0]);
  t.ok(bench.writable.transactions.isEmpty, 'a commit was due');
  bench.make();
  bench.sync(7, true);
  t.equal(bench.answers.at(-1)?.[0], 6, 'a name has to be committed');
  bench.advance(MANY_STEPS);
  t.same(bench.answers.at(-1), [7, 0]);
  bench.writable.close();
});

for (const kind of ['write', 'flush'] as const) {
  t.test(`a ${kind} that fails in a commit under way`, async (t) => {
    const device = new RecordingDevice(await image(t));
    const bench = new Bench(device);
    bench.make();
    bench.sync(1);
    bench.make();
    bench.sync(2);
    device.failures = { [kind]: () => true };
    bench.advance(MANY_STEPS);
    t.same(bench.answers, [[1, -errno.EIO], [2, -errno.EIO]], 'also those who would have shared the next');
    t.match(thrownBy(() => bench.make()), { errno: errno.EROFS });
    device.failures = {};
    bench.sync(3);
    t.same(bench.answers.at(-1), [3, -errno.EIO], 'what was lost stays lost');
    bench.writable.close();
    const next = openWritable(new RecordingDevice(device.bytes));
    t.match(thrownBy(() => next.filesystem.inode(inodeNumber(12))), { errno: errno.ESTALE }, 'what was not committed is not there');
    next.close();
    t.equal(await complaintsAbout(scratchDirectory(t, 'fuse4fs-background'), device.bytes), undefined);
  });
}

t.test('an unmount waits for what is under way, and answers who waits', async (t) => {
  const bench = new Bench(new RecordingDevice(await image(t)));
  bench.make();
  bench.sync(1);
  bench.make();
  bench.sync(2);
  bench.syncs.finish(bench.answer);
  t.same(bench.answers, [[1, 0], [2, 0]]);
  bench.writable.close();
  t.equal(await complaintsAbout(scratchDirectory(t, 'fuse4fs-background'), bench.device.bytes), undefined);
});

t.test('commits pass between the parts of a checkpoint', async (t) => {
  const bench = new Bench(new RecordingDevice(await image(t)));
  let passed = 0;
  for (let round = 0; round < 400; round++) {
    const hadParts = bench.writable.transactions.isBusy && bench.answers.length === round;
    bench.make();
    bench.sync(round);
    if (hadParts) passed++;
    while (bench.answers.length <= round) bench.advance(1);
    bench.advance(1);
  }
  t.ok(passed > 0, `${passed} commits had to wait for a part of a checkpoint, and no longer`);
  t.ok(bench.answers.every(([, outcome]) => outcome === 0));
  bench.writable.close();
  t.equal(await complaintsAbout(scratchDirectory(t, 'fuse4fs-background'), bench.device.bytes), undefined);
});
