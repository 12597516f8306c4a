import { crc16, crc16Uint32 } from './crc16.js';
import { crc32c, crc32cUint32, crc32cZeros } from './crc32c.js';

/**
 * Block group descriptor in place: `offset` is where it begins in the view, `size` is s_desc_size
 * (Documentation/filesystems/ext4/group_descr.rst). The high halves exist from 64 bytes on.
 */
export const GroupFlags = { INODE_UNINIT: 1, BLOCK_UNINIT: 2, INODE_ZEROED: 4 } as const;

const CHECKSUM = 0x1e;

const pair = (view: DataView, offset: number, size: number, low: number, high: number): number =>
  view.getUint32(offset + low, true) + (size >= 64 ? view.getUint32(offset + high, true) * 0x100000000 : 0);

const smallPair = (view: DataView, offset: number, size: number, low: number, high: number): number =>
  view.getUint16(offset + low, true) + (size >= 64 ? view.getUint16(offset + high, true) * 0x10000 : 0);

/** Block numbers up to 2^64: the caller checks them against the filesystem before use. */
export const blockBitmapBlock = (view: DataView, offset: number, size: number): number => pair(view, offset, size, 0x0, 0x20);
export const inodeBitmapBlock = (view: DataView, offset: number, size: number): number => pair(view, offset, size, 0x4, 0x24);
export const inodeTableBlock = (view: DataView, offset: number, size: number): number => pair(view, offset, size, 0x8, 0x28);

export const freeClusters = (view: DataView, offset: number, size: number): number => smallPair(view, offset, size, 0xc, 0x2c);
export const freeInodes = (view: DataView, offset: number, size: number): number => smallPair(view, offset, size, 0xe, 0x2e);
export const usedDirectories = (view: DataView, offset: number, size: number): number => smallPair(view, offset, size, 0x10, 0x30);
export const unusedInodes = (view: DataView, offset: number, size: number): number => smallPair(view, offset, size, 0x1c, 0x32);
export const groupFlags = (view: DataView, offset: number): number => view.getUint16(offset + 0x12, true);

export const storedChecksum = (view: DataView, offset: number): number => view.getUint16(offset + CHECKSUM, true);

/** metadata_csum: the low half of a crc32c over group number and descriptor. */
export function descriptorCrc32c(seed: number, group: number, bytes: Uint8Array, offset: number, size: number): number {
  let checksum = crc32c(crc32cUint32(seed, group), bytes, offset, offset + CHECKSUM);
  checksum = crc32cZeros(checksum, 2);
  return crc32c(checksum, bytes, offset + CHECKSUM + 2, offset + size) & 0xffff;
}

/** uninit_bg (gdt_csum): crc16 over the filesystem's UUID, group number and descriptor. */
export function descriptorCrc16(uuid: Uint8Array, group: number, bytes: Uint8Array, offset: number, size: number): number {
  let checksum = crc16Uint32(crc16(0xffff, uuid, 0, uuid.length), group);
  checksum = crc16(checksum, bytes, offset, offset + CHECKSUM);
  return crc16(checksum, bytes, offset + CHECKSUM + 2, offset + size);
}

const setSmallPair = (view: DataView, offset: number, size: number, low: number, high: number, value: number): void => {
  view.setUint16(offset + low, value & 0xffff, true);
  if (size >= 64) view.setUint16(offset + high, value >>> 16, true);
};

export const setFreeClusters = (view: DataView, offset: number, size: number, value: number): void => setSmallPair(view, offset, size, 0xc, 0x2c, value);
export const setFreeInodes = (view: DataView, offset: number, size: number, value: number): void => setSmallPair(view, offset, size, 0xe, 0x2e, value);
export const setUsedDirectories = (view: DataView, offset: number, size: number, value: number): void => setSmallPair(view, offset, size, 0x10, 0x30, value);
export const setUnusedInodes = (view: DataView, offset: number, size: number, value: number): void => setSmallPair(view, offset, size, 0x1c, 0x32, value);
export const setGroupFlags = (view: DataView, offset: number, value: number): void => view.setUint16(offset + 0x12, value, true);

/** Checksums of the bitmaps: 32 bits in large descriptors, 16 in small ones. */
export const blockBitmapChecksum = (view: DataView, offset: number, size: number): number => smallPair(view, offset, size, 0x18, 0x38) >>> 0;
export const inodeBitmapChecksum = (view: DataView, offset: number, size: number): number => smallPair(view, offset, size, 0x1a, 0x3a) >>> 0;
export const setBlockBitmapChecksum = (view: DataView, offset: number, size: number, value: number): void => setSmallPair(view, offset, size, 0x18, 0x38, value);
export const setInodeBitmapChecksum = (view: DataView, offset: number, size: number, value: number): void => setSmallPair(view, offset, size, 0x1a, 0x3a, value);
/** How much of a bitmap's crc32c a descriptor of this size keeps. */
export const truncateBitmapChecksum = (size: number, checksum: number): number => (size >= 64 ? checksum : checksum & 0xffff);

export const setChecksum = (view: DataView, offset: number, value: number): void => view.setUint16(offset + CHECKSUM, value, true);
