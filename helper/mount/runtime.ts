import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isInInitialUserNamespace, isRoot } from './identity.js';

/** Where the helper keeps what belongs to running mounts. */
export interface Runtime {
  /** Status sockets and logs, one of each per mount; undefined where there is no place for them. */
  readonly mounts: string | undefined;
  /** Where a service manager listens and starts one contained server per connection. */
  readonly serviceSocket: string;
  /** The broker, which mounts for users who may not, and for whoever is root only in a user namespace: where it listens, and where it keeps what belongs to its mounts. */
  readonly broker?: Broker;
}

export interface Broker {
  readonly socket: string;
  readonly mounts: string;
}

/** What belongs to the mounts of root, and of the broker. */
export const SYSTEM_MOUNTS = '/run/fuse4fs/mounts';


export function systemRuntime(): Runtime {
  const serviceSocket = '/run/fuse4fs/server.sock';
  const broker = brokerOf(process.env['FUSE4FS_HELPER'] ?? '/run/fuse4fs/helper.sock');
  if (isRoot()) return { mounts: SYSTEM_MOUNTS, serviceSocket, ...(!isInInitialUserNamespace() && broker) };
  const base = userBase();
  return { mounts: base && join(base, 'mounts'), serviceSocket, ...broker };
}

/** None if the name is empty. */
const brokerOf = (socket: string): { readonly broker?: Broker } => (socket === '' ? {} : { broker: { socket, mounts: join(dirname(socket), 'mounts') } });

function userBase(): string | undefined {
  const directory = process.env['XDG_RUNTIME_DIR'];
  return directory?.startsWith('/') ? join(directory, 'fuse4fs') : undefined;
}

export const statusSocketOf = (mounts: string, device: string): string => join(mounts, `${device}.sock`);

/** Where what belongs to a mount is kept: by us, or by the broker. */
export function directoryOf({ mounts, broker }: Runtime, device: string): string | undefined {
  return broker !== undefined && existsSync(statusSocketOf(broker.mounts, device)) ? broker.mounts : mounts;
}

/** Only its owner may add anything to it. */
export function makeRuntimeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
}
