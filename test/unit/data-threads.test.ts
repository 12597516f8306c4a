/** Data threads beside a session: their jobs, the places for them, and what goes wrong. */
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { ZEROS } from '../../server/device/device-ranges.js';
import { serverShim } from '../../server/native/shim.js';
import { NONE, startDataThreads } from '../../server/session/data-threads.js';
import type { DataThreads } from '../../server/session/filesystem.js';
import { Request } from '../../server/session/request.js';
import { scratchDirectory } from '../support/scratch.js';

const BLOCK = 4096;
const HEADER = 16;
const LARGE = 16 * BLOCK;
const JOBS = 128;
const THREADS = 4;
/** Messages that fit into the socket. */
const IN_SOCKET = 16;
const { EBUSY, EIO } = constants.errno;

/** Of 64 blocks that hold their numbers, repeated; each message that is sent is a packet. */
function threads(t: Test): { threads: DataThreads; packets: Channel } {
  const device = join(scratchDirectory(t, 'data-threads'), 'device');
  writeFileSync(device, Buffer.concat(Array.from({ length: 64 }, (_, block) => Buffer.alloc(BLOCK, block))));
  const from = openSync(device, 'r');
  const [packets, channel] = Channel.pair();
  const started = startDataThreads(from, channel.fd, LARGE, NONE, false);
  if (started === undefined) throw new Error('no threads');
  t.teardown(() => {
    started.stop();
    closeSync(from);
    packets.close();
    channel.close();
  });
  return { threads: started, packets };
}

// Whoever starts them is woken when something fails.
serverShim.interruptible();

const request = new Request(BLOCK);
function ask(threads: DataThreads, unique: number, ...ranges: readonly (readonly [number, number])[]): boolean {
  threads.ranges.clear();
  for (const [position, length] of ranges) threads.ranges.add(position, length);
  request.uniqueLow = unique;
  request.nodeid = 1000 + unique;
  return threads.answerRead(request, ranges.reduce((sum, [, length]) => sum + length, 0), false);
}

/** The next message: its header's fields, and its body. */
function message(packets: Channel): { error: number; unique: number; body: Buffer } {
  const bytes = Buffer.alloc(HEADER + LARGE);
  const length = readSync(packets.fd, bytes, 0, bytes.length, null);
  if (bytes.readUInt32LE(0) !== length) throw new Error(`a message of ${length} bytes says ${bytes.readUInt32LE(0)}`);
  return { error: bytes.readInt32LE(4), unique: bytes.readUInt32LE(8), body: bytes.subarray(HEADER, length) };
}

t.test('an answer is made of ranges and zeros', async (t) => {
  const { threads: data, packets } = threads(t);
  t.ok(ask(data, 7, [3 * BLOCK, BLOCK], [ZEROS, 100], [9 * BLOCK + 50, 10], [4 * BLOCK, BLOCK]));
  const body = Buffer.concat([Buffer.alloc(BLOCK, 3), Buffer.alloc(100), Buffer.alloc(10, 9), Buffer.alloc(BLOCK, 4)]);
  t.same(message(packets), { error: 0, unique: 7, body });
  t.equal(data.takeFailure(), undefined);
});

t.test('beyond the places for jobs they are refused, and those that were taken are done', async (t) => {
  const { threads: data, packets } = threads(t);
  // Nobody takes the messages: who has to wait with one cannot begin with another.
  let taken = 0;
  while (ask(data, taken, [ZEROS, LARGE - BLOCK], [(taken % 64) * BLOCK, BLOCK])) taken++;
  t.ok(taken >= JOBS && taken <= JOBS + THREADS + IN_SOCKET, `${taken} at once`);
  const seen = new Set<number>();
  while (seen.size < taken) {
    const { error, unique, body } = message(packets);
    if (error !== 0 || body.length !== LARGE || body.subarray(LARGE - BLOCK).some((byte) => byte !== unique % 64)) t.fail(`message ${unique}`);
    seen.add(unique);
  }
  t.ok(ask(data, 0, [0, BLOCK]), 'and then there are places again');
  t.equal(message(packets).unique, 0);
});

t.test('what cannot be read is an error, told once', async (t) => {
  const { threads: data, packets } = threads(t);
  t.ok(ask(data, 3, [62 * BLOCK, BLOCK], [63 * BLOCK, 2 * BLOCK]));
  t.same(message(packets), { error: -EIO, unique: 3, body: Buffer.alloc(0) });
  t.match(data.takeFailure(), { count: 1, nodeid: 1003, error: { message: `reading ${3 * BLOCK} bytes at ${62 * BLOCK} of the device failed with errno ${EIO}`, errno: EIO } });
  t.equal(data.takeFailure(), undefined);
});

t.test('who waits for a range waits for those who read there', async (t) => {
  const { threads: data, packets } = threads(t);
  for (let job = 0; job < 4; job++) t.ok(ask(data, job, [job * BLOCK, BLOCK]));
  data.awaitOthers(0, 4 * BLOCK);
  t.same([0, 1, 2, 3].map(() => message(packets).unique).sort(), [0, 1, 2, 3], 'their messages are sent');
});

t.test('jobs that make no sense are refused', async (t) => {
  threads(t);
  const job = new Float64Array(4 + 2 + 2 * 257);
  const bytes = new Uint8Array(job.buffer);
  const refused = (count: number, length: number): void => {
    job[5] = count;
    job[7] = length;
    t.throws(() => serverShim.sendWhenRead(bytes, 1), RangeError, `${count} of ${length}`);
  };
  for (const count of [-1, 257, NaN, Infinity]) refused(count, 1);
  for (const length of [-1, NaN, Infinity, LARGE + 1]) refused(1, length);
  t.throws(() => serverShim.sendWhenRead(bytes.subarray(0, 40), 1), RangeError, 'too short');
  t.equal(serverShim.startDataReads(1, 0, 0, 1, NONE), -EBUSY, 'and one pool is enough');
});
