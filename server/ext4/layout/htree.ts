import { crc32c, crc32cZeros } from './crc32c.js';

/**
 * Nodes of a directory's index in place (Documentation/filesystems/ext4/dynamic.rst, "Hash Tree
 * Directories"). To a reader that knows no index the root is a block with "." and "..", the latter
 * reaching to the end, and any other node is a block with one unused entry.
 */
const ROOT_INFO = 24;
export const ROOT_INFO_LENGTH = 8;
/** Where the entries begin: the first has limit and count in place of its hash, which is that of the parent. */
export const ROOT_ENTRIES = ROOT_INFO + ROOT_INFO_LENGTH;
/** In nodes below the root. */
export const NODE_ENTRIES = 8;
export const INDEX_ENTRY_SIZE = 8;
export const INDEX_TAIL_SIZE = 8;

/** Levels of nodes below the root that a lookup can meet. */
export const MAX_INDIRECT_LEVELS = 1;
export const MAX_INDIRECT_LEVELS_LARGE = 2;

export const dotRecordLength = (view: DataView): number => view.getUint16(4, true);
export const rootReserved = (view: DataView): number => view.getUint32(ROOT_INFO, true);
export const rootHashVersion = (view: DataView): number => view.getUint8(ROOT_INFO + 4);
export const rootInfoLength = (view: DataView): number => view.getUint8(ROOT_INFO + 5);
export const rootIndirectLevels = (view: DataView): number => view.getUint8(ROOT_INFO + 6);
export const rootUnusedFlags = (view: DataView): number => view.getUint8(ROOT_INFO + 7);

/** Inode number of the entry that makes a node look unused. */
export const nodeInode = (view: DataView): number => view.getUint32(0, true);

export const indexLimit = (view: DataView, entries: number): number => view.getUint16(entries, true);
export const indexCount = (view: DataView, entries: number): number => view.getUint16(entries + 2, true);
export const indexHash = (view: DataView, entries: number, index: number): number =>
  index === 0 ? 0 : view.getUint32(entries + index * INDEX_ENTRY_SIZE, true);
/** Logical block of the directory; the upper four bits are reserved. */
export const indexBlock = (view: DataView, entries: number, index: number): number =>
  view.getUint32(entries + index * INDEX_ENTRY_SIZE + 4, true) & 0x0fffffff;

/** @param reserved bytes that are not for entries: what comes before them, and the tail under metadata_csum */
export const indexCapacity = (blockSize: number, reserved: number): number => Math.floor((blockSize - reserved) / INDEX_ENTRY_SIZE);

const tailAt = (view: DataView, entries: number): number => entries + indexLimit(view, entries) * INDEX_ENTRY_SIZE;
export const storedChecksum = (view: DataView, entries: number): number => view.getUint32(tailAt(view, entries) + 4, true);

/** Covers the node up to its last used entry, and the tail with the checksum as zero. */
export function computeChecksum(inodeSeed: number, bytes: Uint8Array, view: DataView, entries: number): number {
  const tail = tailAt(view, entries);
  const used = crc32c(inodeSeed, bytes, 0, entries + indexCount(view, entries) * INDEX_ENTRY_SIZE);
  return crc32cZeros(crc32c(used, bytes, tail, tail + 4), 4);
}

export const setIndexCount = (view: DataView, entries: number, count: number): void => view.setUint16(entries + 2, count, true);
export const setIndexLimit = (view: DataView, entries: number, limit: number): void => view.setUint16(entries, limit, true);
export const setRootIndirectLevels = (view: DataView, levels: number): void => view.setUint8(ROOT_INFO + 6, levels);

/** Writes entry `index`; the first has no hash of its own. */
export function setIndexEntry(view: DataView, entries: number, index: number, hash: number, block: number): void {
  if (index > 0) view.setUint32(entries + index * INDEX_ENTRY_SIZE, hash, true);
  view.setUint32(entries + index * INDEX_ENTRY_SIZE + 4, block, true);
}

/** dx_root_info, after "." and "..". */
export function writeRootInfo(view: DataView, hashVersion: number): void {
  view.setUint32(ROOT_INFO, 0, true);
  view.setUint8(ROOT_INFO + 4, hashVersion);
  view.setUint8(ROOT_INFO + 5, ROOT_INFO_LENGTH);
  view.setUint8(ROOT_INFO + 6, 0);
  view.setUint8(ROOT_INFO + 7, 0);
}

export const setChecksum = (view: DataView, entries: number, checksum: number): void => view.setUint32(tailAt(view, entries) + 4, checksum, true);
