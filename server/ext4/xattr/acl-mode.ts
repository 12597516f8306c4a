import { CorruptionError } from '../errors.js';
import { aclEntries, permissions, setPermissions, Tag, tagOf } from './acl.js';

/**
 * How an access control list and the permission bits of a mode follow each other (POSIX 1003.1e draft
 * 17, section 23.1.3): the owner's and the others' entries are mode bits, the group's bits are the
 * mask where there is one. Lists are in their form on disk, checked when they were read or set.
 */
const MODE_PERMISSIONS = 0o777;
const OWNER_SHIFT = 6;
const GROUP_SHIFT = 3;
const ONE_CLASS = 0o7;

/** Where in a list each class of the mode is kept. */
interface ClassEntries {
  readonly owner: number;
  /** The mask, or without one the owning group. */
  readonly group: number;
  readonly others: number;
  /** Says no more than a mode can. */
  readonly minimal: boolean;
}

function classEntries(disk: Uint8Array): ClassEntries {
  let owner = -1;
  let group = -1;
  let mask = -1;
  let others = -1;
  let minimal = true;
  for (const at of aclEntries(disk)) {
    const tag = tagOf(disk, at);
    if (tag === Tag.USER_OBJ) owner = at;
    else if (tag === Tag.GROUP_OBJ) group = at;
    else if (tag === Tag.OTHER) others = at;
    else minimal = false;
    if (tag === Tag.MASK) mask = at;
  }
  if (owner < 0 || group < 0 || others < 0) throw new CorruptionError('extended attribute', {}, 'an ACL without an entry for the owner, the group or others');
  return { owner, group: mask >= 0 ? mask : group, others, minimal };
}

/** The mode of a file that gets this access ACL; what is not a permission stays. */
export function modeWithAcl(mode: number, disk: Uint8Array): number {
  const { owner, group, others } = classEntries(disk);
  const bits = (permissions(disk, owner) << OWNER_SHIFT) | (permissions(disk, group) << GROUP_SHIFT) | permissions(disk, others);
  return (mode & ~MODE_PERMISSIONS) | bits;
}

/** Whether the mode says all that the list does, so that the list need not be kept. */
export const isMinimalAcl = (disk: Uint8Array): boolean => classEntries(disk).minimal;

/** chmod(2): changes the access ACL as the mode changed. */
export function applyMode(disk: Uint8Array, mode: number): void {
  const { owner, group, others } = classEntries(disk);
  setPermissions(disk, owner, (mode >> OWNER_SHIFT) & ONE_CLASS);
  setPermissions(disk, group, (mode >> GROUP_SHIFT) & ONE_CLASS);
  setPermissions(disk, others, mode & ONE_CLASS);
}

/**
 * Makes the access ACL of a new file from a copy of its directory's default ACL, which takes the
 * umask's place: each class gets what both the list and the creating call's mode grant.
 * @returns the new file's mode
 */
export function inheritAcl(disk: Uint8Array, mode: number): number {
  applyMode(disk, mode & modeWithAcl(mode, disk));
  return modeWithAcl(mode, disk);
}
