import { constants } from 'node:os';
import { OUT_HEADER_SIZE, writeOutHeader } from '../../protocol/fuse/header.js';
import { DeviceRanges } from '../device/device-ranges.js';
import { DeviceError } from '../device/errors.js';
import { serverShim } from '../native/shim.js';
import { startDataWrites } from './data-writes.js';
import type { DataThreads, TransferFailure } from './filesystem.js';

/** In the place of a descriptor. */
export const NONE = -1;

/** So many reads are in progress at once; further ones wait until one of these is done. */
const THREADS = 4;

/* The job of data-reads.c: two messages, two doubles, ranges. */
const ANSWER = 0;
const FAILURE = OUT_HEADER_SIZE;
const NODEID = 2 * OUT_HEADER_SIZE;
const COUNT = NODEID + 8;
const RANGES = COUNT + 8;
const MOST_RANGES = 256;

const FAILURE_FACTS = 5;

/** Nanoseconds. To wake a thread, on a processor that sleeps, takes up to a quarter of it. */
const QUICK = 200_000;

/**
 * Starts the threads: while no filter of system calls forbids it.
 * @param descriptor of the device; @param fuse where replies go; @param largest of the reads and writes
 * @param direct the device past all caches, or NONE; @param writable whether it is to be written
 * @returns undefined where none can be started: all is done by the calling thread then
 */
export function startDataThreads(descriptor: number, fuse: number, largest: number, direct: number, writable: boolean): DataThreads | undefined {
  if (serverShim.startDataReads(THREADS, descriptor, fuse, largest, direct) < 0) return undefined;
  const job = new Uint8Array(RANGES + MOST_RANGES * 2 * Float64Array.BYTES_PER_ELEMENT);
  const view = new DataView(job.buffer);
  const ranges = new DeviceRanges(new Float64Array(job.buffer, RANGES));
  let isQuick = false;
  const facts = new Float64Array(FAILURE_FACTS);
  const factBytes = new Uint8Array(facts.buffer);
  return {
    writes: direct === NONE || !writable ? undefined : startDataWrites(direct, descriptor, fuse, largest),
    ranges,
    answerRead({ uniqueLow, uniqueHigh, nodeid }, length, hasBegun) {
      writeOutHeader(view, ANSWER, OUT_HEADER_SIZE + length, 0, uniqueLow, uniqueHigh);
      writeOutHeader(view, FAILURE, OUT_HEADER_SIZE, -constants.errno.EIO, uniqueLow, uniqueHigh);
      view.setFloat64(NODEID, nodeid, true);
      view.setFloat64(COUNT, ranges.count, true);
      const result = serverShim.sendWhenRead(job, hasBegun ? 0 : 1);
      if (result >= 0) isQuick = result < QUICK;
      return result >= 0;
    },
    get isQuick() {
      return isQuick;
    },
    waited: (milliseconds) => void (isQuick = serverShim.learnWait(Math.round(milliseconds * 1e6)) < QUICK),
    awaitOthers(position, length) {
      serverShim.awaitRead(position, length);
      serverShim.awaitDataWrite(position, length);
    },
    takeFailure() {
      const count = serverShim.takeFailure(factBytes);
      return count > 0 ? transferFailure(count, facts) : undefined;
    },
    stop() {
      serverShim.stopDataWrites();
      serverShim.stopDataReads();
    },
  };
}

function transferFailure(count: number, [nodeid = 0, position = 0, length = 0, errno = 0, writing = 0]: Float64Array): TransferFailure {
  const what = `${writing === 0 ? 'reading' : 'writing'} ${length} bytes at ${position} of the device failed with errno ${errno}`;
  return { operation: writing === 0 ? 'READ' : 'WRITE', count, nodeid, error: new DeviceError(what, errno) };
}
