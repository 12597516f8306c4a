import { crc32c, crc32cUint32, crc32cZeros } from './crc32c.js';

/**
 * On-disk inode in place: `offset` is where it begins in the view
 * (Documentation/filesystems/ext4/inodes.rst). Fields past the first 128 bytes exist only as far as
 * `extraSize` reaches.
 */
export const GOOD_OLD_INODE_SIZE = 128;
/** i_block: 15 block pointers, an extent tree's root, a short symbolic link, or inline data. */
export const I_BLOCK = 0x28;
export const I_BLOCK_SIZE = 60;

const CHECKSUM_LOW = 0x7c;
const CHECKSUM_HIGH = 0x82;

/** i_flags */
export const InodeFlags = {
  SECRM: 0x1,
  UNRM: 0x2,
  COMPR: 0x4,
  SYNC: 0x8,
  IMMUTABLE: 0x10,
  APPEND: 0x20,
  NODUMP: 0x40,
  NOATIME: 0x80,
  ENCRYPT: 0x800,
  INDEX: 0x1000,
  JOURNAL_DATA: 0x4000,
  NOTAIL: 0x8000,
  DIRSYNC: 0x10000,
  TOPDIR: 0x20000,
  HUGE_FILE: 0x40000,
  EXTENTS: 0x80000,
  VERITY: 0x100000,
  EA_INODE: 0x200000,
  DAX: 0x2000000,
  INLINE_DATA: 0x10000000,
  PROJINHERIT: 0x20000000,
  CASEFOLD: 0x40000000,
} as const;

/** File types within i_mode. */
export const FileType = {
  MASK: 0xf000,
  FIFO: 0x1000,
  CHARACTER: 0x2000,
  DIRECTORY: 0x4000,
  BLOCK: 0x6000,
  REGULAR: 0x8000,
  SYMLINK: 0xa000,
  SOCKET: 0xc000,
} as const;

export const mode = (view: DataView, offset: number): number => view.getUint16(offset, true);
export const uid = (view: DataView, offset: number): number =>
  (view.getUint16(offset + 0x2, true) | (view.getUint16(offset + 0x78, true) << 16)) >>> 0;
export const gid = (view: DataView, offset: number): number =>
  (view.getUint16(offset + 0x18, true) | (view.getUint16(offset + 0x7a, true) << 16)) >>> 0;
export const sizeLow = (view: DataView, offset: number): number => view.getUint32(offset + 0x4, true);
export const sizeHigh = (view: DataView, offset: number): number => view.getUint32(offset + 0x6c, true);
export const deletionTime = (view: DataView, offset: number): number => view.getUint32(offset + 0x14, true);
export const linksCount = (view: DataView, offset: number): number => view.getUint16(offset + 0x1a, true);
export const blocksLow = (view: DataView, offset: number): number => view.getUint32(offset + 0x1c, true);
export const blocksHigh = (view: DataView, offset: number): number => view.getUint16(offset + 0x74, true);
export const flags = (view: DataView, offset: number): number => view.getUint32(offset + 0x20, true);
export const versionLow = (view: DataView, offset: number): number => view.getUint32(offset + 0x24, true);
export const generation = (view: DataView, offset: number): number => view.getUint32(offset + 0x64, true);
/** i_file_acl: the block of extended attributes, 0 without one. */
export const fileAcl = (view: DataView, offset: number): number =>
  view.getUint32(offset + 0x68, true) + view.getUint16(offset + 0x76, true) * 0x100000000;
/** i_extra_isize; only where the inode is larger than 128 bytes. */
export const extraSize = (view: DataView, offset: number): number => view.getUint16(offset + 0x80, true);
export const versionHigh = (view: DataView, offset: number): number => view.getUint32(offset + 0x98, true);
export const projectId = (view: DataView, offset: number): number => view.getUint32(offset + 0x9c, true);

/** Where the 32-bit seconds of each timestamp are, and its extra word (two epoch bits, 30 bits of nanoseconds). */
export interface TimeField {
  readonly seconds: number;
  readonly extra: number;
}
export const Times = {
  access: { seconds: 0x8, extra: 0x8c },
  change: { seconds: 0xc, extra: 0x84 },
  modification: { seconds: 0x10, extra: 0x88 },
  birth: { seconds: 0x90, extra: 0x94 },
} as const satisfies Record<string, TimeField>;

/** i_rdev as the kernel's 32-bit encoding: minor low 8 bits, major 12, minor high 12. */
export function deviceNumber(view: DataView, offset: number): number {
  const old = view.getUint32(offset + I_BLOCK, true);
  return old !== 0 ? old & 0xffff : view.getUint32(offset + I_BLOCK + 4, true);
}

/** What an inode's own checksum and those of its extent and directory blocks are seeded with. */
export const inodeChecksumSeed = (filesystemSeed: number, number: number, inodeGeneration: number): number =>
  crc32cUint32(crc32cUint32(filesystemSeed, number), inodeGeneration);

const hasHighChecksum = (view: DataView, offset: number, size: number): boolean =>
  size > GOOD_OLD_INODE_SIZE && extraSize(view, offset) >= 4;

/** The checksum as stored: 32 bits where the inode has room for the upper half, else 16. */
export function storedChecksum(view: DataView, offset: number, size: number): number {
  const low = view.getUint16(offset + CHECKSUM_LOW, true);
  return hasHighChecksum(view, offset, size) ? (low | (view.getUint16(offset + CHECKSUM_HIGH, true) << 16)) >>> 0 : low;
}

export function computeChecksum(seed: number, bytes: Uint8Array, view: DataView, offset: number, size: number): number {
  let checksum = crc32c(seed, bytes, offset, offset + CHECKSUM_LOW);
  checksum = crc32cZeros(checksum, 2);
  checksum = crc32c(checksum, bytes, offset + CHECKSUM_LOW + 2, offset + GOOD_OLD_INODE_SIZE);
  if (size === GOOD_OLD_INODE_SIZE) return checksum & 0xffff;
  if (!hasHighChecksum(view, offset, size)) {
    return crc32c(checksum, bytes, offset + GOOD_OLD_INODE_SIZE, offset + size) & 0xffff;
  }
  checksum = crc32c(checksum, bytes, offset + GOOD_OLD_INODE_SIZE, offset + CHECKSUM_HIGH);
  checksum = crc32cZeros(checksum, 2);
  return crc32c(checksum, bytes, offset + CHECKSUM_HIGH + 2, offset + size);
}

export const setMode = (view: DataView, offset: number, value: number): void => view.setUint16(offset, value, true);
export function setUid(view: DataView, offset: number, value: number): void {
  view.setUint16(offset + 0x2, value & 0xffff, true);
  view.setUint16(offset + 0x78, value >>> 16, true);
}
export function setGid(view: DataView, offset: number, value: number): void {
  view.setUint16(offset + 0x18, value & 0xffff, true);
  view.setUint16(offset + 0x7a, value >>> 16, true);
}
export function setSize(view: DataView, offset: number, value: number): void {
  view.setUint32(offset + 0x4, value >>> 0, true);
  view.setUint32(offset + 0x6c, Math.floor(value / 0x100000000), true);
}
export const setDeletionTime = (view: DataView, offset: number, value: number): void => view.setUint32(offset + 0x14, value, true);
export const setLinksCount = (view: DataView, offset: number, value: number): void => view.setUint16(offset + 0x1a, value, true);
export function setBlocks(view: DataView, offset: number, value: number): void {
  view.setUint32(offset + 0x1c, value >>> 0, true);
  view.setUint16(offset + 0x74, Math.floor(value / 0x100000000), true);
}
export const setFlags = (view: DataView, offset: number, value: number): void => view.setUint32(offset + 0x20, value, true);
export const setVersionLow = (view: DataView, offset: number, value: number): void => view.setUint32(offset + 0x24, value, true);
export const setVersionHigh = (view: DataView, offset: number, value: number): void => view.setUint32(offset + 0x98, value, true);
export const setGeneration = (view: DataView, offset: number, value: number): void => view.setUint32(offset + 0x64, value, true);
export function setFileAcl(view: DataView, offset: number, value: number): void {
  view.setUint32(offset + 0x68, value >>> 0, true);
  view.setUint16(offset + 0x76, Math.floor(value / 0x100000000), true);
}
export const setExtraSize = (view: DataView, offset: number, value: number): void => view.setUint16(offset + 0x80, value, true);
export const setProjectId = (view: DataView, offset: number, value: number): void => view.setUint32(offset + 0x9c, value, true);

/** Writes i_rdev: the old encoding where both numbers are small, as the kernel does. @param device 32-bit encoding */
export function setDeviceNumber(view: DataView, offset: number, device: number): void {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  const small = major < 256 && minor < 256;
  view.setUint32(offset + I_BLOCK, small ? (major << 8) | minor : 0, true);
  view.setUint32(offset + I_BLOCK + 4, small ? 0 : device, true);
  view.setUint32(offset + I_BLOCK + 8, 0, true);
}

export function setChecksum(view: DataView, offset: number, size: number, checksum: number): void {
  view.setUint16(offset + CHECKSUM_LOW, checksum & 0xffff, true);
  if (hasHighChecksum(view, offset, size)) view.setUint16(offset + CHECKSUM_HIGH, checksum >>> 16, true);
}
