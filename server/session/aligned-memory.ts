import { serverShim } from '../native/shim.js';

const PAGE = 4096;

/**
 * Zeroed memory whose first byte lies on a page boundary, so that data at page-aligned positions in
 * it can be the target of direct I/O and of page-wise copies in the kernel. Never freed: for buffers
 * that live as long as the session.
 */
export function pageAlignedMemory(length: number): Uint8Array {
  const memory = new Uint8Array(length + PAGE);
  const past = serverShim.pageOffset(memory);
  const start = past === 0 ? 0 : PAGE - past;
  const aligned = memory.subarray(start, start + length);
  // People's files pass through it.
  serverShim.keepOutOfDumps(aligned);
  return aligned;
}
