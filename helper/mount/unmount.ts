import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errorName, errorText, shim } from '../native/shim.js';
import type { Channel } from '../../protocol/seqpacket/channel.js';
import { connectToBroker, unmountThroughBroker } from './broker.js';
import { MountError } from './errors.js';
import { fileAt, removeIfSame, type FileAtName } from './file-at-name.js';
import { watchConnection, type WatchedConnection } from './fuse-device.js';
import { findFusermount, withoutName } from './fusermount.js';
import { isRoot } from './identity.js';
import { isOurs, numberOf, readMounts, type MountEntry } from './mountinfo.js';
import { pause } from './pause.js';
import { directoryOf, statusSocketOf, systemRuntime, type Runtime } from './runtime.js';
import { StatusConnection } from './status-client.js';

export interface UnmountRequest {
  /** A mount point, or the device or image that is mounted. */
  readonly target: string;
  /** Detach now, let users finish (umount -l). */
  readonly lazy?: boolean;
  /** Abort requests that wait for the server (umount -f). */
  readonly force?: boolean;
  /** Make it read-only if it is in use (umount -r). */
  readonly readOnlyIfBusy?: boolean;
  /** Everything but the unmount. */
  readonly fake?: boolean;
}

export interface UnmountResult {
  readonly target: string;
  readonly source: string;
  /** The server has finished, and everything is on the device. False if others still use the filesystem. */
  readonly serverEnded: boolean;
  readonly warnings: readonly string[];
}

const MNT_FORCE = 1;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
const PATIENCE = 1000;
/** In milliseconds. Whoever looks at all mounts (df, a file manager, a daemon that lists disks) is in each for a moment. */
const PASSING_LOOK = 500;
const BETWEEN_TRIES = 10;
/**
 * A mount namespace that is just being made holds copies of all mounts until whoever makes it has left its old
 * root: every start of a container, and of our own servers. That passes.
 */
const PASSING_COPY = 3000;

/**
 * Unmounts, and waits for the server: umount(2) returns before a FUSE server has written its last
 * blocks and closed its device.
 */
export function unmount(request: UnmountRequest, runtime: Runtime = systemRuntime()): UnmountResult {
  const mount = findMount(request.target);
  const { target, source } = mount;
  if (request.fake) return { target, source, serverEnded: false, warnings: [] };
  const files = filesOf(mount, directoryOf(runtime, mount.device));
  // Connected before, so that its last words reach us.
  const connection = files === undefined ? 'absent' : StatusConnection.open(files.socket.path, PATIENCE);
  // While the server finishes, the kernel may give the number of the mount to another one.
  const watched = watchConnection(numberOf(mount));
  try {
    const made = detachWhenLeft(mount, request, runtime);
    if (made === 'read-only') {
      return { target, source, serverEnded: false, warnings: [`${target} is busy: it was made read-only instead`] };
    }
    if (request.lazy) return { target, source, serverEnded: false, warnings: [] };
    if (connection === 'dead') throw died(mount, files);
    if (typeof connection === 'string') {
      const warning = `the server of ${target} could not be asked whether all is written: it may still be at it`;
      return { target, source, serverEnded: false, warnings: [warning] };
    }
    return { target, source, ...waitForServer(mount, connection, watched, files) };
  } finally {
    watched?.close();
    if (typeof connection !== 'string') connection.close();
  }
}

/** The topmost mount at the place, or the one of that source. */
function findMount(given: string): MountEntry {
  const path = canonical(given);
  const mounts = readMounts();
  const mount = mounts.findLast((entry) => entry.target === path) ?? mounts.findLast((entry) => isOurs(entry) && entry.source === path);
  if (mount === undefined) throw new MountError('NOT_MOUNTED', `${given}: not mounted`);
  if (!isOurs(mount)) throw new MountError('NOT_MOUNTED', `${given}: not a fuse4fs mount, but ${mount.type}`, `use umount ${given}`);
  return mount;
}

/** Without a look at the last component: the mount's server may be dead. */
function canonical(given: string): string {
  const path = resolve(given);
  try {
    return realpathSync(path);
  } catch {
    try {
      return join(realpathSync(dirname(path)), basename(path));
    } catch {
      return path;
    }
  }
}

/** @throws MountError TARGET_BUSY where it is in use for longer than somebody needs for a look */
function detachWhenLeft(mount: MountEntry, request: UnmountRequest, runtime: Runtime): 'unmounted' | 'read-only' {
  const patienceEnds = performance.now() + PASSING_LOOK;
  for (;;) {
    try {
      return detach(mount, request, runtime);
    } catch (error) {
      if (!(error instanceof MountError && error.code === 'TARGET_BUSY') || performance.now() > patienceEnds) throw error;
      pause(BETWEEN_TRIES);
    }
  }
}

function detach(
  { target }: MountEntry,
  { lazy = false, force = false, readOnlyIfBusy = false }: UnmountRequest,
  { broker }: Runtime,
): 'unmounted' | 'read-only' {
  if (!isRoot()) {
    const connection = connectToBroker(broker);
    return connection === undefined ? detachAsUser(target, lazy) : detachThroughBroker(connection, target, lazy);
  }
  const flags = (lazy ? MNT_DETACH : 0) | (force ? MNT_FORCE : 0) | UMOUNT_NOFOLLOW;
  const result = shim.umount2(target, flags);
  if (result >= 0) return 'unmounted';
  if (errorName(result) === 'EBUSY') {
    if (readOnlyIfBusy && makeReadOnly(target)) return 'read-only';
    throw busy(target);
  }
  if (errorName(result) === 'EPERM') throw new MountError('PERMISSION', `${target}: must be superuser to unmount`);
  throw new MountError('NOT_MOUNTED', `${target}: ${errorText(result)}`);
}

const busy = (target: string): MountError =>
  new MountError('TARGET_BUSY', `${target}: target is busy`, `fuser -vm ${target} shows who uses it; -l detaches it now and lets them finish`);

const MS_RDONLY = 1;
const MS_REMOUNT = 32;
const makeReadOnly = (target: string): boolean => shim.mount('none', target, 'none', MS_REMOUNT | MS_RDONLY, '') >= 0;

function detachThroughBroker(connection: Channel, target: string, lazy: boolean): 'unmounted' {
  try {
    unmountThroughBroker(connection, target, lazy);
    return 'unmounted';
  } catch (error) {
    throw error instanceof MountError && error.code === 'TARGET_BUSY' ? busy(target) : error;
  }
}

function detachAsUser(target: string, lazy: boolean): 'unmounted' {
  const { status, stderr } = spawnSync(findFusermount(), ['-u', ...(lazy ? ['-z'] : []), '--', target], { encoding: 'utf8' });
  if (status === 0) return 'unmounted';
  if (/busy/i.test(stderr)) throw busy(target);
  throw new MountError('PERMISSION', withoutName(stderr) || `cannot unmount ${target}`);
}

function waitForServer(
  mount: MountEntry,
  connection: StatusConnection,
  watched: WatchedConnection | undefined,
  files: MountFiles | undefined,
): Pick<UnmountResult, 'serverEnded' | 'warnings'> {
  const exists = (): boolean | undefined => watched?.exists();
  const isMountedHere = (): boolean =>
    exists() !== false && readMounts().some(({ device, source }) => device === mount.device && source === mount.source);
  const patienceEnds = performance.now() + PASSING_COPY;
  const goodbye = isMountedHere()
    ? 'given up'
    : connection.goodbye(() => !isMountedHere() && (performance.now() < patienceEnds || exists() !== true));
  if (goodbye === 'given up') {
    return { serverEnded: false, warnings: [`${mount.source} is still mounted elsewhere: its server goes on`] };
  }
  if (goodbye === undefined) throw died(mount, files);
  if (files !== undefined) removeIfSame(files.socket);
  if (!goodbye.ok) throw new MountError('SERVER_FAILED', `the server of ${mount.source} failed: ${goodbye.error}`, whatToDo(mount, files?.log));
  if (files !== undefined) removeIfSame(files.log);
  return { serverEnded: true, warnings: [] };
}

/** As they were before the unmount. */
interface MountFiles {
  readonly socket: FileAtName;
  readonly log: FileAtName;
}

function filesOf({ device }: MountEntry, mounts: string | undefined): MountFiles | undefined {
  if (mounts === undefined) return undefined;
  return { socket: fileAt(statusSocketOf(mounts, device)), log: fileAt(join(mounts, `${device}.log`)) };
}

function died(mount: MountEntry, files: MountFiles | undefined): MountError {
  if (files !== undefined) removeIfSame(files.socket);
  return new MountError('SERVER_FAILED', `${mount.target} is unmounted, but the server of ${mount.source} died before it had finished`, whatToDo(mount, files?.log));
}

function whatToDo({ source }: MountEntry, log: FileAtName | undefined): string {
  const where = log !== undefined && existsSync(log.path) ? log.path : 'journalctl -t fuse4fs';
  return `see ${where}, and check the filesystem: e2fsck -f ${source}`;
}
