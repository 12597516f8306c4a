/**
 * Mounts for a user namespace of the caller's own: filesystems that belong to it, and not to ours. Whoever is root
 * there may take `nodev` and `nosuid` off any mount in it. What the namespace owns has no devices all the same, and
 * gives nobody the rights of a user whom the namespace does not have; and the caller could have mounted it there
 * without us.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { MountError } from '../mount/errors.js';
import { FilesystemContext } from '../mount/filesystem-context.js';
import type { OpenedFuse } from '../mount/mounter.js';
import { errorName, errorText, shim } from '../native/shim.js';
import type { Caller } from './caller.js';

/** The kernel nests no deeper. */
const DEEPEST = 33;
/** For four system calls, by a process that the caller may stop or kill. */
const PATIENCE = 5000;

/** Whether the mount namespace belongs to our own user namespace. */
export function belongsHere(mountNamespace: number): boolean {
  const owner = shim.namespaceOwner(mountNamespace);
  if (owner < 0) return false;
  try {
    return isOurs(owner);
  } finally {
    closeSync(owner);
  }
}

/** What a FUSE mount is made of, opened in the user namespace that the mount namespace belongs to. */
export function openFuseInside(mountNamespace: number, caller: Caller): OpenedFuse {
  const userNamespace = shim.namespaceOwner(mountNamespace);
  if (userNamespace < 0) throw foreign();
  try {
    assertCallers(userNamespace, caller);
    assertNobodyLooksIn();
    const opened = new Uint8Array(8);
    const result = shim.fuseInside(userNamespace, mountNamespace, PATIENCE, opened);
    if (result < 0) throw cannotEnter(result);
    const [fuseDescriptor = -1, context = -1] = new Int32Array(opened.buffer);
    return { fuseDescriptor, context: FilesystemContext.adopt(context) };
  } finally {
    closeSync(userNamespace);
  }
}

/**
 * The user who made the outermost of the namespaces around it has all rights in each of them. Those whom a user is
 * lent there (subordinate ids) have made none that is next to ours: they cannot be used to ask for more.
 */
function assertCallers(userNamespace: number, { uid }: Caller): void {
  let current = shim.duplicate(userNamespace);
  try {
    for (let depth = 0; depth < DEEPEST && current >= 0; depth++) {
      const parent = shim.namespaceParent(current);
      if (parent >= 0 && isOurs(parent)) {
        closeSync(parent);
        if (shim.namespaceMaker(current) === uid) return;
        throw foreign();
      }
      closeSync(current);
      current = parent;
    }
  } finally {
    if (current >= 0) closeSync(current);
  }
  throw foreign();
}

const foreign = (): MountError =>
  new MountError('PERMISSION', 'the user namespace is not yours', 'the user who made it has to ask: podman unshare, unshare -Urm', 'NAMESPACE');

/** With this setting a process that enters a namespace can be read and changed by whoever is root in there. */
function assertNobodyLooksIn(): void {
  if (readFileSync('/proc/sys/fs/suid_dumpable', 'latin1').trim() !== '1') return;
  throw new MountError('SYSTEM', 'fs.suid_dumpable=1 leaves the broker unprotected in user namespaces', 'the administrator has to set it to 0 or 2', 'NAMESPACE');
}

function cannotEnter(result: number): MountError {
  if (errorName(result) === 'ETIMEDOUT' || errorName(result) === 'EINTR') return new MountError('INTERRUPTED', 'who mounts in the user namespace was stopped', '', 'NAMESPACE');
  return new MountError('SYSTEM', `cannot mount in the user namespace: ${errorText(result)}`, '', 'NAMESPACE');
}

function isOurs(userNamespace: number): boolean {
  const own = openSync('/proc/self/ns/user', constants.O_RDONLY);
  try {
    const [one, other] = [fstatSync(userNamespace), fstatSync(own)];
    return one.ino === other.ino && one.dev === other.dev;
  } finally {
    closeSync(own);
  }
}
