/**
 * What an attacker would try who runs his own code in the server: each attempt is one system call, or a few,
 * and the errnos by which it may fail. EPERM is the server's own filter, or a missing capability; any other
 * errno says which wall it was.
 */
import { descriptorAttempts } from './descriptor-attempts.js';
import { exhaustionAttempts } from './exhaustion-attempts.js';
import { kernelAttempts } from './kernel-attempts.js';
import { pathAttempts } from './path-attempts.js';
import { processAttempts } from './process-attempts.js';
import { socketAttempts } from './socket-attempts.js';

/** What the attacker knows of his surroundings. */
export interface Surroundings {
  /** Of the image or device, opened for reading only where the mount is read-only. */
  readonly device: number;
  /** The mounted /dev/fuse. */
  readonly fuse: number;
  readonly writable: boolean;
  /** Processes of others, as they are numbered outside. */
  readonly others: readonly number[];
}

export interface Attempt {
  readonly name: string;
  /** @returns a result, or a negative errno */
  act(surroundings: Surroundings): number;
  /** The errnos that count as denied; EPERM where nothing is said. */
  readonly deniedBy?: readonly string[];
  /** It could not even be tried in the other thread at the same time, or leaves something behind: it comes last, in one thread. */
  readonly once?: boolean;
}

export const attempts: readonly Attempt[] = [
  ...pathAttempts,
  ...processAttempts,
  ...socketAttempts,
  ...kernelAttempts,
  ...descriptorAttempts,
  ...exhaustionAttempts,
];
