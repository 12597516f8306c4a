/** What a scripted peer does, step by step, with the socket it is given. Crosses a process border as JSON. */
import type { Message } from '../../protocol/service/messages.js';

/** Sends these bytes, and zeros after them, with so many descriptors of /dev/null. */
export interface SendStep {
  readonly do: 'send';
  readonly hex: string;
  readonly padding?: number;
  readonly descriptors: number;
}

export type Step =
  | SendStep
  /** Takes the next packet and reports it. */
  | { readonly do: 'take' }
  /** Answers nothing until the other end leaves; reports what it said last. */
  | { readonly do: 'stall' }
  | { readonly do: 'close' }
  /** SIGKILL to itself: no report follows. */
  | { readonly do: 'die' }
  /** A ServerEnd that goes through all steps. */
  | { readonly do: 'serve'; readonly journal: boolean };

/** What it saw. Descriptors are told as "device:inode" of the file, so that the giver can compare. */
export interface Report {
  readonly taken: readonly Message[];
  readonly files: readonly string[];
  readonly closeOnExec: readonly boolean[];
  /** The code of a system call that failed while sending, for example EPERM. */
  readonly sendFailed?: string;
  /** Descriptors open afterwards that were not before. */
  readonly leaked: number;
}
