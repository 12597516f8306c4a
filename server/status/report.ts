import type { Confinement } from '../confinement/confinement.js';

/** What a server tells about itself on its status socket. */
export interface StatusReport {
  readonly source: string;
  readonly target: string;
  readonly pid: number;
  readonly readOnly: boolean;
  readonly kernelFeatures: readonly string[];
  /** Requests by opcode since the mount. */
  readonly requests: Readonly<Record<string, number>>;
  readonly errors: number;
  readonly cache: Readonly<Record<string, number>>;
  readonly uptimeSeconds: number;
  readonly rssBytes: number;
  readonly confinement: Confinement;
}

/** Whoever watches hears it when the server is told to stop: it will when it is unmounted. */
export interface StoppingEvent {
  readonly event: 'stopping';
}

/** The last thing that every open connection hears. */
export type ExitEvent =
  | { readonly event: 'exit'; readonly ok: true }
  | { readonly event: 'exit'; readonly ok: false; readonly error: string };
