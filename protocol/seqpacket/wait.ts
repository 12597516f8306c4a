import { constants } from 'node:os';
import { SeqpacketError } from './errors.js';
import { shim } from './shim.js';

const { EINTR } = constants.errno;
/** What poll(2) takes; Infinity would become 0 on their way to it. */
const LONGEST = 2 ** 31 - 1;

/** A moment by which something has to be done. It stays the same when a wait is interrupted and resumed. */
export class Deadline {
  readonly #end: number;

  constructor(milliseconds: number) {
    this.#end = performance.now() + milliseconds;
  }

  /** Whole milliseconds left, rounded up so that a wait never spins through the last one. */
  remaining(): number {
    return Math.min(LONGEST, Math.max(0, Math.ceil(this.#end - performance.now())));
  }
}

/** Waits until one of `events` occurs on the socket, and returns what occurred. Blocks the thread. */
export function waitFor(fd: number, events: number, deadline: Deadline, what: string): number {
  for (;;) {
    const occurred = shim.poll(fd, events, deadline.remaining());
    if (occurred > 0) return occurred;
    if (occurred === 0) throw new SeqpacketError('TIMEOUT', `${what}: timed out`);
    if (occurred !== -EINTR) throw new SeqpacketError('SYSTEM', what, -occurred);
  }
}
