/** Taking what others need. Each runs in one thread alone, after all others. */
import type { Attempt } from './attempts.js';
import { startThreads, systemCall } from './system-calls.js';

const GIBIBYTE = 2 ** 30;
const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
const MAP_SHARED_ANONYMOUS = 0x21;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const EPERM = 1;
const MOST_DESCRIPTORS = 1024;
const MOST_THREADS = 200;

function dupUntilRefused(): number {
  const taken: number[] = [];
  let result = 0;
  while (taken.length < MOST_DESCRIPTORS && (result = systemCall('dup', 2)) >= 0) taken.push(result);
  for (const fd of taken) systemCall('close', fd);
  return result;
}

/** Never touched: what is counted is what could be. */
function map(length: number, protection: number, flags: number): number {
  const address = systemCall('mmap', 0, length, protection, flags, -1, 0);
  if (address >= 0) systemCall('munmap', address, length);
  return address;
}

export const exhaustionAttempts: readonly Attempt[] = [
  { name: 'descriptors without end', act: dupUntilRefused, deniedBy: ['EMFILE'], once: true },
  { name: 'memory without end', act: () => map(64 * GIBIBYTE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS), deniedBy: ['ENOMEM'], once: true },
  { name: 'shared memory', act: () => map(GIBIBYTE, PROT_READ_WRITE, MAP_SHARED_ANONYMOUS), once: true },
  { name: 'shared memory to be made accessible later', act: () => map(GIBIBYTE, PROT_NONE, MAP_SHARED_ANONYMOUS), once: true },
  // libc says EAGAIN, whatever stopped it.
  { name: 'threads', act: () => startThreads(MOST_THREADS) || -EPERM, once: true },
];
