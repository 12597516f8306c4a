/** Threads that write data: their jobs, the places for them, who waits for them, and what goes wrong. */
import { constants as files, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { DescriptorDevice } from '../../server/device/descriptor-device.js';
import { DeviceJob } from '../../server/device/device-job.js';
import { ThreadedJobs } from '../../server/device/threaded-jobs.js';
import { writesBehind } from '../../server/device/writes-behind.js';
import { serverShim } from '../../server/native/shim.js';
import { startDataThreads } from '../../server/session/data-threads.js';
import type { DataThreads, DataWrites } from '../../server/session/filesystem.js';
import { Request } from '../../server/session/request.js';
import { scratchDirectory } from '../support/scratch.js';

const LARGEST = 1 << 20;
const PIECE = 128 * 1024;
const SIZE = 64 * PIECE;
const ANSWER = 24;
const { EIO, EBUSY, EBADF } = constants.errno;

interface Scene {
  readonly path: string;
  readonly device: DescriptorDevice;
  readonly threads: DataThreads;
  readonly writes: DataWrites;
  readonly packets: Channel;
}

/** @param access of the descriptors that are written by way of */
function scene(t: Test, access: number = files.O_RDWR): Scene {
  const path = join(scratchDirectory(t, 'data-writes'), 'device');
  writeFileSync(path, Buffer.alloc(SIZE));
  const fd = openSync(path, access);
  const direct = openSync(path, access | files.O_DIRECT);
  const device = new DescriptorDevice({ fd, directDescriptor: direct, size: SIZE, readOnly: false, name: 'test' });
  const [packets, channel] = Channel.pair();
  const threads = startDataThreads(fd, channel.fd, LARGEST, direct, true);
  if (threads?.writes === undefined) throw new Error('no threads');
  t.teardown(() => {
    threads.stop();
    device.close();
    packets.close();
    channel.close();
  });
  return { path, device, threads, writes: threads.writes, packets };
}

// Whoever starts them is woken when something fails.
serverShim.interruptible();

const request = new Request(LARGEST);
/** Who writes alone does so himself, where the device is quick. */
let isAlone = false;
request.othersWait = () => !isAlone;
const DATA = 4096;

/** Pieces of one length, each of its own bytes. @returns whether they were taken */
function write(writes: DataWrites, unique: number, places: readonly number[], { fresh = false, length = PIECE } = {}): boolean {
  writes.clear();
  places.forEach((place, index) => {
    request.bytes.fill(unique + index, DATA + index * length, DATA + (index + 1) * length);
    if (!writes.add(place, DATA + index * length, length)) throw new Error('not taken');
  });
  if (fresh) writes.markFresh();
  request.uniqueLow = unique;
  request.nodeid = 1000 + unique;
  return writes.answerWrite(request, places.length * length);
}

function message(packets: Channel): { error: number; unique: number; written: number } {
  const bytes = Buffer.alloc(ANSWER);
  const length = readSync(packets.fd, bytes, 0, bytes.length, null);
  if (bytes.readUInt32LE(0) !== length) throw new Error(`a message of ${length} bytes says ${bytes.readUInt32LE(0)}`);
  return { error: bytes.readInt32LE(4), unique: bytes.readUInt32LE(8), written: length < ANSWER ? 0 : bytes.readUInt32LE(16) };
}

t.test('the answer comes when all pieces are there', async (t) => {
  const { path, writes, packets, threads } = scene(t);
  t.ok(write(writes, 7, [3 * PIECE, 0, 9 * PIECE]));
  // The buffer is the caller's again at once.
  request.bytes.fill(0xff);
  t.same(message(packets), { error: 0, unique: 7, written: 3 * PIECE });
  const found = readFileSync(path);
  t.same([0, 1, 3, 4, 9, 10].map((piece) => [found[piece * PIECE], found[(piece + 1) * PIECE - 1]]), [[8, 8], [0, 0], [7, 7], [0, 0], [9, 9], [0, 0]]);
  t.equal(threads.takeFailure(), undefined);
});

t.test('who is alone, on a quick device, may write himself', async (t) => {
  const { path, writes, packets } = scene(t);
  isAlone = true;
  t.teardown(() => (isAlone = false));
  for (let round = 1; round < 20; round++) {
    t.ok(write(writes, round, [PIECE, 3 * PIECE]));
    t.same(message(packets), { error: 0, unique: round, written: 2 * PIECE });
    const found = readFileSync(path);
    t.same([0, 1, 2, 3, 4].map((piece) => found[piece * PIECE]), [0, round, 0, round + 1, 0]);
  }
});

t.test('what is small, or no whole sectors, is not for them', async (t) => {
  const { writes } = scene(t);
  t.notOk(writes.add(0, DATA, PIECE - 4096));
  t.notOk(writes.add(0, DATA, PIECE + 512));
  t.notOk(writes.add(512, DATA, PIECE));
  t.ok(writes.isEmpty);
  t.ok(writes.add(4096, DATA + 1, PIECE), 'wherever it lies in memory');
});

t.test('more than they can hold is written in the end', async (t) => {
  const { path, writes, packets } = scene(t);
  const count = 60;
  // A slow device has no place for another one, but after some time.
  for (let index = 0; index < count; index++) while (!write(writes, index + 1, [index * PIECE])) serverShim.awaitDataWrites();
  const seen = new Set(Array.from({ length: count }, () => message(packets).unique));
  t.equal(seen.size, count);
  const found = readFileSync(path);
  t.same(Array.from({ length: count }, (_, index) => found[index * PIECE + 1]), Array.from({ length: count }, (_, index) => index + 1));
});

t.test('who reads or flushes comes after them', async (t) => {
  const { device, writes, packets, threads } = scene(t);
  const jobs = ThreadedJobs.start(device);
  const target = new Uint8Array(PIECE);
  for (let round = 1; round < 20; round++) {
    write(writes, round, [5 * PIECE]);
    switch (round % 4) {
      case 0:
        device.flush();
        t.notOk(writesBehind.areSome, 'flushed');
        break;
      case 1: {
        const job = new DeviceJob();
        job.on(device).flush();
        jobs?.start(job);
        jobs?.finish();
        t.notOk(writesBehind.areSome, 'flushed by a job');
        break;
      }
      case 2:
        threads.awaitOthers(5 * PIECE, 1);
        t.notOk(writesBehind.areSome, 'awaited');
        break;
      default:
    }
    device.read(target, 0, PIECE, 5 * PIECE);
    t.ok(target.every((byte) => byte === round), 'read');
    t.equal(message(packets).unique, round);
  }
  jobs?.close();
});

t.test('what cannot be written is an error', async (t) => {
  const { device, writes, packets, threads } = scene(t, files.O_RDONLY);
  t.ok(write(writes, 3, [2 * PIECE]));
  t.same(message(packets), { error: -EIO, unique: 3, written: 0 });
  const what = `writing ${PIECE} bytes at ${2 * PIECE} of the device failed with errno ${EBADF}`;
  t.match(threads.takeFailure(), { operation: 'WRITE', count: 1, nodeid: 1003, error: { message: what, errno: EBADF } });
  t.doesNotThrow(() => device.settle(), 'what was there before is there still, in parts perhaps');
  t.ok(write(writes, 4, [2 * PIECE], { fresh: true }));
  t.equal(message(packets).error, -EIO);
  t.throws(() => device.settle(), new RegExp(`errno ${EBADF}`, 'u'), 'what nobody has written may not become durable as if');
  t.doesNotThrow(() => device.settle(), 'which is said once');
});

t.test('jobs that make no sense are refused', async (t) => {
  scene(t);
  const job = new Float64Array(5 + 3 + 3 * 65);
  const bytes = new Uint8Array(job.buffer);
  const refused = (count: number, length: number, from = 0): void => {
    job[7] = count;
    job[9] = length;
    job[10] = from;
    t.throws(() => serverShim.sendWhenWritten(bytes, request.bytes, 0, 0), RangeError, `${count} of ${length} from ${from}`);
  };
  for (const count of [-1, 0, 65, NaN, Infinity]) refused(count, 1);
  for (const length of [-1, 0, NaN, Infinity, LARGEST + 1]) refused(1, length);
  for (const from of [-1, NaN, Infinity, request.bytes.length]) refused(1, 1, from);
  t.throws(() => serverShim.sendWhenWritten(bytes.subarray(0, 48), request.bytes, 0, 0), RangeError, 'too short');
  t.equal(serverShim.startDataWrites(0, 0, 0, 1, new Uint8Array(4)), -EBUSY, 'and one pool is enough');
});
