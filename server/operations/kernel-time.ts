import type { TimeSource } from '../ext4/clock.js';
import { serverShim } from '../native/shim.js';

const now = new Float64Array(2);
const bytes = new Uint8Array(now.buffer);

/** The coarse clock that the kernel stamps inodes with (CLOCK_REALTIME_COARSE). */
export const kernelTime: TimeSource = (parts) => {
  serverShim.coarseTime(bytes);
  parts.set(now);
};
