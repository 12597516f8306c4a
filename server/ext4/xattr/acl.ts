import { CorruptionError, errno, type Place } from '../errors.js';

/**
 * POSIX ACLs in their two forms. On disk (version 1) an entry has an id only where it names a user or
 * a group; in system calls and FUSE (version 2, the kernel's posix_acl_xattr) every entry has one.
 * Both are little-endian: a version word, then entries of tag, permissions, id.
 */
const DISK_VERSION = 1;
const WIRE_VERSION = 2;
const HEADER_SIZE = 4;
const SHORT_ENTRY_SIZE = 4;
const ENTRY_SIZE = 8;
/** The id of an entry that has none. */
const UNDEFINED_ID = 0xffffffff;

export const Tag = {
  USER_OBJ: 0x01,
  USER: 0x02,
  GROUP_OBJ: 0x04,
  GROUP: 0x08,
  MASK: 0x10,
  OTHER: 0x20,
} as const;

const PERMISSIONS = 0o7;

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
const u32 = (bytes: Uint8Array, at: number): number => (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;

function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at, value);
  putU16(bytes, at + 2, value >>> 16);
}

const hasId = (tag: number): boolean => tag === Tag.USER || tag === Tag.GROUP;
const isTag = (tag: number): boolean => tag > 0 && tag <= Tag.OTHER && (tag & (tag - 1)) === 0;

/**
 * Converts an ACL from disk. Order and meaning of the entries are left as they are, as the kernel
 * leaves them: they were checked when it was set, and whoever evaluates it copes.
 *
 * @param targetLength room for the result; 0 only asks for its size
 * @returns bytes of the result, -ENODATA for an ACL without entries, -ERANGE without room
 * @throws CorruptionError where it is not made of entries
 */
export function writeWireAcl(
  disk: Uint8Array,
  start: number,
  size: number,
  target: Uint8Array,
  targetOffset: number,
  targetLength: number,
  place: Place,
): number {
  const count = checkDiskAcl(disk, start, size, place);
  if (count === 0) return -errno.ENODATA;
  const length = HEADER_SIZE + count * ENTRY_SIZE;
  if (targetLength === 0) return length;
  if (length > targetLength) return -errno.ERANGE;

  putU32(target, targetOffset, WIRE_VERSION);
  let from = start + HEADER_SIZE;
  let to = targetOffset + HEADER_SIZE;
  for (let left = count; left > 0; left--) {
    const tag = u16(disk, from);
    putU16(target, to, tag);
    putU16(target, to + 2, u16(disk, from + 2));
    putU32(target, to + 4, hasId(tag) ? u32(disk, from + 4) : UNDEFINED_ID);
    from += hasId(tag) ? ENTRY_SIZE : SHORT_ENTRY_SIZE;
    to += ENTRY_SIZE;
  }
  return length;
}

/** @returns the number of entries. @throws CorruptionError */
export function checkDiskAcl(disk: Uint8Array, start: number, size: number, place: Place): number {
  const check = (holds: boolean, detail: string): void => {
    if (!holds) throw new CorruptionError('extended attribute', place, detail);
  };
  check(size >= HEADER_SIZE, `an ACL of ${size} bytes`);
  check(u32(disk, start) === DISK_VERSION, `an ACL of version ${u32(disk, start)}`);
  const end = start + size;
  let at = start + HEADER_SIZE;
  let count = 0;
  while (at < end) {
    check(at + SHORT_ENTRY_SIZE <= end, 'an ACL ends inside an entry');
    const tag = u16(disk, at);
    check(isTag(tag), `an ACL entry has tag ${tag}`);
    at += hasId(tag) ? ENTRY_SIZE : SHORT_ENTRY_SIZE;
    check(at <= end, 'an ACL ends inside an entry');
    count++;
  }
  return count;
}

/**
 * Converts an ACL that a program sets, after the checks that the kernel makes: entries in the order of
 * their tags, exactly one each for owner, group and others, a mask where users or groups are named.
 *
 * @param target has room for `size` bytes; the form on disk is never longer
 * @returns bytes of the form on disk, 0 for an ACL without entries, -EINVAL, or -EOPNOTSUPP for another version
 */
export function writeDiskAcl(wire: Uint8Array, start: number, size: number, target: Uint8Array, targetOffset: number): number {
  const valid = checkWireAcl(wire, start, size);
  if (valid <= 0) return valid;
  putU32(target, targetOffset, DISK_VERSION);
  let to = targetOffset + HEADER_SIZE;
  for (let from = start + HEADER_SIZE; from < start + size; from += ENTRY_SIZE) {
    const tag = u16(wire, from);
    putU16(target, to, tag);
    putU16(target, to + 2, u16(wire, from + 2));
    if (hasId(tag)) putU32(target, to + 4, u32(wire, from + 4));
    to += hasId(tag) ? ENTRY_SIZE : SHORT_ENTRY_SIZE;
  }
  return to - targetOffset;
}

/** @returns the number of entries of a valid ACL, else -EINVAL or -EOPNOTSUPP */
export function checkWireAcl(wire: Uint8Array, start: number, size: number): number {
  if (size < HEADER_SIZE) return -errno.EINVAL;
  if (u32(wire, start) !== WIRE_VERSION) return -errno.EOPNOTSUPP;
  if ((size - HEADER_SIZE) % ENTRY_SIZE !== 0) return -errno.EINVAL;
  const count = (size - HEADER_SIZE) / ENTRY_SIZE;
  if (count === 0) return 0;

  let previous = 0;
  let seen = 0;
  for (let at = start + HEADER_SIZE; at < start + size; at += ENTRY_SIZE) {
    const tag = u16(wire, at);
    if (!isTag(tag) || (u16(wire, at + 2) & ~PERMISSIONS) !== 0) return -errno.EINVAL;
    if (tag < previous || (tag === previous && !hasId(tag))) return -errno.EINVAL;
    if (hasId(tag) && u32(wire, at + 4) === UNDEFINED_ID) return -errno.EINVAL;
    previous = tag;
    seen |= tag;
  }
  const required = Tag.USER_OBJ | Tag.GROUP_OBJ | Tag.OTHER | ((seen & (Tag.USER | Tag.GROUP)) !== 0 ? Tag.MASK : 0);
  return (seen & required) === required ? count : -errno.EINVAL;
}

/** Offsets of the entries of an ACL in its form on disk. */
export function* aclEntries(disk: Uint8Array): Generator<number> {
  for (let at = HEADER_SIZE; at + SHORT_ENTRY_SIZE <= disk.length; at += hasId(u16(disk, at)) ? ENTRY_SIZE : SHORT_ENTRY_SIZE) yield at;
}

export const tagOf = (disk: Uint8Array, entry: number): number => u16(disk, entry);
export const permissions = (disk: Uint8Array, entry: number): number => u16(disk, entry + 2) & PERMISSIONS;
export const setPermissions = (disk: Uint8Array, entry: number, value: number): void => putU16(disk, entry + 2, value);
