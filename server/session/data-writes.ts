import { constants } from 'node:os';
import { OUT_HEADER_SIZE, writeOutHeader } from '../../protocol/fuse/header.js';
import { WRITE_OUT_SIZE, writeWriteOut } from '../../protocol/fuse/replies.js';
import { writesUnderWay } from '../device/writes-behind.js';
import { serverShim } from '../native/shim.js';
import type { DataWrites } from './filesystem.js';

/* The job of write-job.h: two messages, three doubles, pieces of three doubles. */
const DONE = 0;
const DONE_SIZE = OUT_HEADER_SIZE + WRITE_OUT_SIZE;
const FAILED = DONE + DONE_SIZE;
const NODEID = FAILED + OUT_HEADER_SIZE;
const FRESH = NODEID + 8;
const COUNT = FRESH + 8;
const PIECES = COUNT + 8;
const PER_PIECE = 3;
const MOST_PIECES = 64;

/** In bytes. Of less, a copy in the machine's cache, which others write back together, costs less than waiting for the device. */
const LEAST = 128 * 1024;
/** No device has larger ones. */
const SECTOR = 4096;
/**
 * A device that takes longer for a mebibyte, in nanoseconds, is slow: when too much is on its way to it, the machine's
 * cache takes the rest, and the filesystem thread goes on.
 */
const SLOW = 10_000_000;
/** A device that takes less has written what nobody else waits behind before another thread is awake, and has copied it. */
const QUICK = 2_000_000;

/**
 * Starts the threads: while no filter of system calls forbids it.
 * @param direct the device past all caches, @param descriptor with them; @param fuse where replies go; @param largest data of a WRITE
 * @returns undefined where they cannot be had
 */
export function startDataWrites(direct: number, descriptor: number, fuse: number, largest: number): DataWrites | undefined {
  if (serverShim.startDataWrites(direct, descriptor, fuse, largest, new Uint8Array(writesUnderWay.buffer)) < 0) return undefined;
  const job = new Uint8Array(PIECES + MOST_PIECES * PER_PIECE * Float64Array.BYTES_PER_ELEMENT);
  const view = new DataView(job.buffer);
  const pieces = new Float64Array(job.buffer, PIECES);
  let count = 0;
  let isFresh = false;
  return {
    clear() {
      count = 0;
      isFresh = false;
    },
    get isEmpty() {
      return count === 0;
    },
    add(place, from, length) {
      if (length < LEAST || length % SECTOR !== 0 || place % SECTOR !== 0 || count === MOST_PIECES) return false;
      pieces[PER_PIECE * count] = place;
      pieces[PER_PIECE * count + 1] = length;
      pieces[PER_PIECE * count + 2] = from;
      count++;
      return true;
    },
    markFresh: () => void (isFresh = true),
    answerWrite(request, size) {
      const { uniqueLow, uniqueHigh, nodeid, bytes } = request;
      writeOutHeader(view, DONE, DONE_SIZE, 0, uniqueLow, uniqueHigh);
      writeWriteOut(view, DONE + OUT_HEADER_SIZE, size);
      writeOutHeader(view, FAILED, OUT_HEADER_SIZE, -constants.errno.EIO, uniqueLow, uniqueHigh);
      view.setFloat64(NODEID, nodeid, true);
      view.setFloat64(FRESH, isFresh ? 1 : 0, true);
      view.setFloat64(COUNT, count, true);
      return serverShim.sendWhenWritten(job, bytes, SLOW, request.othersWait() ? 0 : QUICK) >= 0;
    },
  };
}
