import { serverShim } from '../native/shim.js';

const NONE = 0;
/** Where native threads say how many writes of data have not ended. It never moves. */
export const writesUnderWay = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Writes of data to a device that go on while the filesystem thread does something else (native/data-writes.c). */
export const writesBehind = {
  get areSome(): boolean {
    return writesUnderWay[0] !== NONE;
  },

  /** Returns when none is under way in that range of the device. */
  awaitRange(position: number, length: number): void {
    if (writesUnderWay[0] !== NONE) serverShim.awaitDataWrite(position, length);
  },

  /** Returns when all have ended. @returns 0, or the errno of one that failed, if it was of blocks that held something else before */
  awaitAll(): number {
    return -serverShim.awaitDataWrites();
  },
};
