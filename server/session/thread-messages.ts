import type { Confinement } from '../confinement/confinement.js';
import type { SessionEnd } from './device-loop.js';

/** What the filesystem thread is started with. */
export interface ThreadStart {
  /** The connection to the helper, or a listening socket to which it will connect. */
  readonly socket: number;
  readonly listening: boolean;
  readonly control: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly gauges: SharedArrayBuffer;
  /** Of this thread, too. */
  readonly confinement: Confinement;
}

/** What the filesystem thread tells the main thread, in this order; writebacks as they come up. */
export type ThreadMessage =
  | { readonly type: 'connected' }
  | { readonly type: 'source'; readonly source: string; readonly target: string }
  /** The mount is there; what the helper sent for the main thread. */
  | { readonly type: 'mounted'; readonly statusListener: number | undefined }
  | {
      readonly type: 'serving';
      readonly readOnly: boolean;
      readonly kernelFeatures: readonly string[];
      readonly gauges: readonly string[];
      readonly syncMilliseconds: number | undefined;
      readonly heartbeatMilliseconds: number | undefined;
    }
  /** The kernel has to be made to write back a range of a file: it asks this server to, so another thread must. */
  | ({ readonly type: 'write back' } & Writeback)
  | { readonly type: 'ended'; readonly end: ThreadEnd };

export interface Writeback {
  readonly ticket: number;
  /** The mounted /dev/fuse. */
  readonly fuse: number;
  readonly nodeid: number;
  readonly offset: number;
  /** Bytes; 0: up to the end. */
  readonly size: number;
}

/** What the main thread tells the filesystem thread once it serves. */
export type MainMessage =
  | { readonly type: 'written back'; readonly ticket: number }
  /** The mount was given other options. */
  | { readonly type: 'remounted'; readonly options: readonly string[] };

/** `not mounted`: the helper has been told why, or has told us. */
export type ThreadEnd = SessionEnd | { readonly reason: 'not mounted'; readonly message: string };

/** Room for what a filesystem measures about itself. */
export const MOST_GAUGES = 32;
