import { crc32c } from './crc32c.js';

/**
 * Extent tree nodes in place: `node` is where the header begins in the view
 * (Documentation/filesystems/ext4/ifork.rst, "Extent Tree").
 */
export const EXTENT_MAGIC = 0xf30a;
const EXTENT_HEADER_SIZE = 12;
export const EXTENT_ENTRY_SIZE = 12;
/** Entries that fit into i_block. */
export const ROOT_ENTRIES = 4;
export const MAX_DEPTH = 5;
/** Longest written extent; a length above it is an unwritten one, longer by this much. */
export const MAX_WRITTEN_LENGTH = 32768;

export const magic = (view: DataView, node: number): number => view.getUint16(node, true);
export const entryCount = (view: DataView, node: number): number => view.getUint16(node + 2, true);
export const maxEntries = (view: DataView, node: number): number => view.getUint16(node + 4, true);
export const depth = (view: DataView, node: number): number => view.getUint16(node + 6, true);

export const entryAt = (node: number, index: number): number => node + EXTENT_HEADER_SIZE + index * EXTENT_ENTRY_SIZE;

/** First logical block, of an index entry and of an extent alike. */
export const entryLogical = (view: DataView, entry: number): number => view.getUint32(entry, true);

/** Block of the node an index entry points to. */
export const indexTarget = (view: DataView, entry: number): number =>
  view.getUint32(entry + 4, true) + view.getUint16(entry + 8, true) * 0x100000000;

const rawLength = (view: DataView, entry: number): number => view.getUint16(entry + 4, true);
export const isUnwritten = (view: DataView, entry: number): boolean => rawLength(view, entry) > MAX_WRITTEN_LENGTH;
/** Blocks; 0 only in a damaged tree. */
export const extentLength = (view: DataView, entry: number): number => {
  const raw = rawLength(view, entry);
  return raw > MAX_WRITTEN_LENGTH ? raw - MAX_WRITTEN_LENGTH : raw;
};
export const extentStart = (view: DataView, entry: number): number =>
  view.getUint32(entry + 8, true) + view.getUint16(entry + 6, true) * 0x100000000;

export const maxEntriesInBlock = (blockSize: number): number => Math.floor((blockSize - EXTENT_HEADER_SIZE) / EXTENT_ENTRY_SIZE);

/** The checksum follows the last entry that would fit; the root in the inode has none. */
const checksumOffset = (view: DataView): number => EXTENT_HEADER_SIZE + maxEntries(view, 0) * EXTENT_ENTRY_SIZE;
export const storedChecksum = (view: DataView): number => view.getUint32(checksumOffset(view), true);
export const computeChecksum = (inodeSeed: number, bytes: Uint8Array, view: DataView): number =>
  crc32c(inodeSeed, bytes, 0, checksumOffset(view));

export const setEntryCount = (view: DataView, node: number, count: number): void => view.setUint16(node + 2, count, true);

/** A node without entries. @param capacity eh_max */
export function initialiseNode(view: DataView, node: number, capacity: number, nodeDepth: number): void {
  view.setUint16(node, EXTENT_MAGIC, true);
  view.setUint16(node + 2, 0, true);
  view.setUint16(node + 4, capacity, true);
  view.setUint16(node + 6, nodeDepth, true);
  view.setUint32(node + 8, 0, true);
}

export const setEntryLogical = (view: DataView, entry: number, logical: number): void => view.setUint32(entry, logical, true);

export function setIndex(view: DataView, entry: number, logical: number, target: number): void {
  view.setUint32(entry, logical, true);
  view.setUint32(entry + 4, target >>> 0, true);
  view.setUint16(entry + 8, Math.floor(target / 0x100000000), true);
  view.setUint16(entry + 10, 0, true);
}

/** @param length 1..32768 blocks, unwritten ones one less */
export function setExtent(view: DataView, entry: number, logical: number, length: number, physical: number, unwritten: boolean): void {
  view.setUint32(entry, logical, true);
  view.setUint16(entry + 4, unwritten ? length + MAX_WRITTEN_LENGTH : length, true);
  view.setUint16(entry + 6, Math.floor(physical / 0x100000000), true);
  view.setUint32(entry + 8, physical >>> 0, true);
}

export const setChecksum = (view: DataView, checksum: number): void => view.setUint32(checksumOffset(view), checksum, true);
