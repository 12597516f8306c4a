import { crc32c, crc32cUint32 } from './crc32c.js';

/**
 * Blocks of the orphan file: inode numbers, 0 where a place is free, and a tail
 * (Documentation/filesystems/ext4/orphan.rst).
 */
const TAIL_SIZE = 8;
const MAGIC = 0x0b10ca04;
const ENTRY_SIZE = 4;

const tailAt = (view: DataView): number => view.byteLength - TAIL_SIZE;

export const entryCount = (view: DataView): number => tailAt(view) / ENTRY_SIZE;
export const entryAt = (view: DataView, index: number): number => view.getUint32(index * ENTRY_SIZE, true);
export const clearEntry = (view: DataView, index: number): void => view.setUint32(index * ENTRY_SIZE, 0, true);

export const hasMagic = (view: DataView): boolean => view.getUint32(tailAt(view), true) === MAGIC;
export const storedChecksum = (view: DataView): number => view.getUint32(tailAt(view) + 4, true);
export const setChecksum = (view: DataView, checksum: number): void => view.setUint32(tailAt(view) + 4, checksum, true);

/** Over the block's number on the device, as 64 bits, and its entries. */
export function computeChecksum(inodeSeed: number, number: number, bytes: Uint8Array): number {
  const seed = crc32cUint32(crc32cUint32(inodeSeed, number >>> 0), Math.floor(number / 0x100000000));
  return crc32c(seed, bytes, 0, bytes.length - TAIL_SIZE);
}
