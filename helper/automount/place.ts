/** The directories that filesystems are mounted on as they appear: made for that, and removed behind them. */
import { chownSync, closeSync, constants, fchmodSync, fstatSync, mkdirSync, openSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { shim } from '../native/shim.js';
import { MountError } from '../mount/errors.js';
import { readMounts } from '../mount/mountinfo.js';
import { attachTo, type MountPoint } from '../mount/mount-point.js';
import { candidates, directoryName } from './name.js';
import type { Owner } from './owner.js';

const LOCK_EX = 2;
const LOCK_NB = 4;
const VISIBLE = 0o755;
const OWNERS_AND_ROOTS = 0o750;

/** As of <linux/posix_acl_xattr.h>: version 2, then tag, permissions and id of each entry. */
const ACL = { version: 2, userObject: 1, user: 2, groupObject: 4, mask: 0x10, other: 0x20, nobody: 0xffffffff } as const;

export interface ClaimedPlace extends MountPoint {
  /** It was not there before. */
  readonly isNew: boolean;
  /** Removes the directory, if nothing has been mounted on it. */
  discard(): void;
}

/** Where a user's filesystems are mounted: root's, and beside root only this user can look in. */
export function prepareUserDirectory(root: string, owner: Owner): string {
  prepareDirectory(root);
  const directory = join(root, directoryName(owner.name, String(owner.uid)));
  makeDirectory(directory);
  const descriptor = openDirectory(directory);
  try {
    fchmodSync(descriptor, OWNERS_AND_ROOTS);
    const result = shim.setAttribute(descriptor, 'system.posix_acl_access', aclFor(owner.uid));
    // A filesystem without ACLs: then it is the user's group that may.
    if (result < 0) chownSync(directory, 0, owner.gid);
  } finally {
    closeSync(descriptor);
  }
  return directory;
}

/** @returns the path, where everybody may look in */
export function prepareDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: VISIBLE });
  return path;
}

/** Makes a directory of that name, or of one like it, and holds it until it is mounted on: nobody else takes it meanwhile. */
export function claimPlace(parent: string, name: string): ClaimedPlace {
  for (const candidate of candidates(name)) {
    const path = join(parent, candidate);
    const isNew = makeDirectory(path);
    const descriptor = claim(path);
    if (descriptor === undefined) continue;
    return {
      descriptor,
      path,
      isNew,
      attach: (mount) => attachTo(descriptor, mount),
      close: () => closeSync(descriptor),
      discard: () => {
        if (isNew) removePlace(path);
      },
    };
  }
  throw new MountError('BAD_MOUNT_POINT', `${join(parent, name)} and all names like it are taken`);
}

/** Undefined if it is somebody else's: in use, or not the empty directory that a mount leaves which was cut short. */
function claim(path: string): number | undefined {
  let descriptor: number;
  try {
    descriptor = openDirectory(path);
  } catch {
    return undefined;
  }
  const isOurs = (): boolean => {
    const { uid, mode } = fstatSync(descriptor);
    if (uid !== 0 || (mode & 0o022) !== 0) return false;
    const locked = shim.flock(descriptor, LOCK_EX | LOCK_NB);
    return locked >= 0 && readdirSync(`/proc/self/fd/${descriptor}`).length === 0 && !readMounts().some(({ target }) => target === path);
  };
  try {
    if (isOurs()) return descriptor;
  } catch {
    // A mount that does not answer.
  }
  closeSync(descriptor);
  return undefined;
}

/** Only where it is empty and nothing is mounted there; links are not followed. */
export function removePlace(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody uses it, or has removed it.
  }
}

const openDirectory = (path: string): number => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);

function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, { mode: VISIBLE });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new MountError('BAD_MOUNT_POINT', `cannot make ${path}: ${(error as Error).message}`);
  }
}

function aclFor(uid: number): Uint8Array {
  const entries: readonly (readonly [tag: number, permissions: number, id: number])[] = [
    [ACL.userObject, 7, ACL.nobody],
    [ACL.user, 5, uid],
    [ACL.groupObject, 0, ACL.nobody],
    [ACL.mask, 5, ACL.nobody],
    [ACL.other, 0, ACL.nobody],
  ];
  const bytes = new Uint8Array(4 + entries.length * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ACL.version, true);
  entries.forEach(([tag, permissions, id], index) => {
    const at = 4 + index * 8;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, permissions, true);
    view.setUint32(at + 4, id, true);
  });
  return bytes;
}
