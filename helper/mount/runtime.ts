import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isRoot } from './identity.js';

/** Where the helper keeps what belongs to running mounts. */
export interface Runtime {
  /** Status sockets and logs, one of each per mount; undefined where there is no place for them. */
  readonly mounts: string | undefined;
  /** Where a service manager listens and starts one contained server per connection. */
  readonly serviceSocket: string;
}

export function systemRuntime(): Runtime {
  const base = isRoot() ? '/run/fuse4fs' : userBase();
  return { mounts: base && join(base, 'mounts'), serviceSocket: '/run/fuse4fs/server.sock' };
}

function userBase(): string | undefined {
  const directory = process.env['XDG_RUNTIME_DIR'];
  return directory?.startsWith('/') ? join(directory, 'fuse4fs') : undefined;
}

export const statusSocketOf = (mounts: string, device: string): string => join(mounts, `${device}.sock`);

/** Only its owner may add anything to it. */
export function makeRuntimeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
}
