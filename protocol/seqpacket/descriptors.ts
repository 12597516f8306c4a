import { closeSync } from 'node:fs';
import { SeqpacketError } from './errors.js';
import { shim } from './shim.js';

/** Closes descriptors that nobody will use. What close(2) may report is of no use here: the descriptor is gone in any case. */
export function closeDescriptors(descriptors: Iterable<number>): void {
  for (const fd of descriptors) {
    try {
      closeSync(fd);
    } catch {
      continue;
    }
  }
}

/** `false` just before starting the child that is to inherit the descriptor, `true` again right after. */
export function setCloseOnExec(fd: number, on: boolean): void {
  const result = shim.setCloseOnExec(fd, on ? 1 : 0);
  if (result < 0) throw new SeqpacketError('SYSTEM', `fcntl of descriptor ${fd}`, -result);
}
