/** Unmounts for the user whose mount it is. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Unmounted, UnmountRequest } from '../../protocol/broker/messages.js';
import { MountError } from '../mount/errors.js';
import { fileAt, removeIfSame } from '../mount/file-at-name.js';
import { watchConnection, type WatchedConnection } from '../mount/fuse-device.js';
import { isOurs, numberOf, type MountEntry } from '../mount/mountinfo.js';
import { statusSocketOf } from '../mount/runtime.js';
import { errorName, errorText, shim } from '../native/shim.js';
import type { Caller } from './caller.js';
import { adoptNamespace } from './namespace.js';

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/** How long the mount may take to be gone, in milliseconds, before it counts as one that is copied elsewhere. */
const PATIENCE = 1000;
const LOOK = 5;

/** @param directory of the status sockets */
export async function unmountFor(caller: Caller, request: UnmountRequest, directory: string): Promise<Unmounted> {
  const space = adoptNamespace(request.descriptors.mountNamespace);
  const mount = space.within((mounts) => findMount(caller, request, mounts()));
  // As they are now: the kernel gives the number of a mount that is gone to the next one, and by its socket a mount is counted.
  const socket = fileAt(statusSocketOf(directory, mount.device));
  const watched = watchConnection(numberOf(mount));
  try {
    space.within(() => detach(mount, request));
    if (!request.lazy && (await isGone(watched))) removeIfSame(socket);
  } finally {
    watched?.close();
  }
  return { type: 'unmounted', target: mount.target };
}

function findMount(caller: Caller, { descriptors: { parent }, name }: UnmountRequest, mounts: readonly MountEntry[]): MountEntry {
  const id = shim.mountId(parent, name);
  if (id < 0) throw new MountError('NOT_MOUNTED', `${name}: ${errorText(id)}`);
  const mount = mounts.find((entry) => entry.id === id);
  if (mount === undefined || id === shim.mountId(parent, '')) throw new MountError('NOT_MOUNTED', `${name}: not mounted`);
  const { target, type } = mount;
  if (!isOurs(mount)) throw new MountError('NOT_MOUNTED', `${target}: not a fuse4fs mount, but ${type}`);
  if (!mount.options.includes(`user_id=${caller.uid}`)) throw new MountError('PERMISSION', `${target} was mounted by another user`);
  return mount;
}

function detach({ id, target }: MountEntry, { descriptors: { parent }, name, lazy }: UnmountRequest): void {
  if (shim.mountId(parent, name) !== id) throw new MountError('NOT_MOUNTED', `${target}: not mounted any more`);
  const there = shim.changeDirectory(parent);
  if (there < 0) throw new MountError('PERMISSION', `${target}: ${errorText(there)}`);
  const result = shim.umount2(name, (lazy ? MNT_DETACH : 0) | UMOUNT_NOFOLLOW);
  if (result >= 0) return;
  if (errorName(result) === 'EBUSY') throw new MountError('TARGET_BUSY', `${target}: target is busy`);
  throw new MountError('NOT_MOUNTED', `${target}: ${errorText(result)}`);
}

async function isGone(watched: WatchedConnection | undefined): Promise<boolean> {
  for (const deadline = performance.now() + PATIENCE; watched?.exists() !== false; await pause(LOOK)) {
    if (watched === undefined || performance.now() > deadline) return false;
  }
  return true;
}
