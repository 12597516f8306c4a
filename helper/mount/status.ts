import { join } from 'node:path';
import { fileAt, removeIfSame } from './file-at-name.js';
import { isOurs, readMounts, type MountEntry } from './mountinfo.js';
import { directoryOf, statusSocketOf, systemRuntime, type Runtime } from './runtime.js';
import { wallsOf, type ServerWalls } from './server-walls.js';
import { StatusConnection, type ServerReport } from './status-client.js';
import { namesIn } from './names-in.js';

/** One mount: what the kernel says about it, and, over that, what its server does. */
export interface MountStatus {
  readonly source: string;
  readonly target: string;
  readonly device: string;
  readonly type: string;
  readonly options: readonly string[];
  /** Of the server; null if it does not answer. */
  readonly pid: number | null;
  /** Why there is nothing from the server. */
  readonly problem?: string;
  /** Undefined where there is nothing to be seen of its process. */
  readonly walls?: ServerWalls | undefined;
  readonly [more: string]: unknown;
}

const PATIENCE = 2000;

/** All mounts that this mount namespace shows. Sockets that nobody listens on any more are removed; logs stay. */
export function readStatus(runtime: Runtime = systemRuntime()): MountStatus[] {
  const mounts = readMounts().filter(isOurs);
  removeLeftovers(runtime, new Set(mounts.map(({ device }) => device)));
  return mounts.map((mount) => statusOf(mount, runtime));
}

function statusOf(mount: MountEntry, runtime: Runtime): MountStatus {
  const { source, target, device, type, options } = mount;
  const mounts = directoryOf(runtime, device);
  const facts = { source, target, device, type, options };
  if (mounts === undefined) return { ...facts, pid: null, problem: 'there is no runtime directory to find its server in' };
  const connection = StatusConnection.open(statusSocketOf(mounts, device), PATIENCE);
  if (connection === 'dead') return { ...facts, pid: null, problem: 'its server has died' };
  if (connection === 'absent') return { ...facts, pid: null, problem: 'it has no status socket: someone else mounted it' };
  if (connection === 'unreachable') return { ...facts, pid: null, problem: 'its server cannot be reached: are you its owner?' };
  try {
    const report: ServerReport | undefined = connection.status();
    if (report === undefined) return { ...facts, pid: connection.pid ?? null, problem: 'its server does not answer' };
    // The kernel's word counts more than the server's, which sees itself as process 1.
    const { pid } = connection;
    return { ...report, ...facts, pid: pid ?? null, walls: pid === undefined ? undefined : wallsOf(pid) };
  } finally {
    connection.close();
  }
}

function removeLeftovers({ mounts }: Runtime, alive: ReadonlySet<string>): void {
  if (mounts === undefined) return;
  for (const name of namesIn(mounts)) {
    const device = /^(\d+:\d+)\.sock$/.exec(name)?.[1];
    if (device === undefined || alive.has(device)) continue;
    const socket = fileAt(join(mounts, name));
    const connection = StatusConnection.open(socket.path, PATIENCE);
    // A mount in another mount namespace still has its server.
    if (typeof connection !== 'string') connection.close();
    if (connection === 'dead') removeIfSame(socket);
  }
}
