import type { TimeSource } from '../ext4/clock.js';
import { serverShim } from '../native/shim.js';

let bytes: Uint8Array | undefined;
let of: Float64Array | undefined;

/** The coarse clock that the kernel stamps inodes with (CLOCK_REALTIME_COARSE). */
export const kernelTime: TimeSource = (parts) => {
  if (of !== parts || bytes === undefined) {
    of = parts;
    bytes = new Uint8Array(parts.buffer, parts.byteOffset, parts.byteLength);
  }
  serverShim.coarseTime(bytes);
};
