import { crc32c, crc32cUint32, crc32cZeros } from './crc32c.js';

/**
 * Extended attributes in place (Documentation/filesystems/ext4/attributes.rst). Entries have the same
 * form in the inode and in a block of their own; the headers before them differ, and so does the place
 * that value offsets count from: the first entry in an inode, the start of the block in a block.
 */
export const XATTR_MAGIC = 0xea020000;
export const BODY_HEADER_SIZE = 4;
export const BLOCK_HEADER_SIZE = 32;
const ENTRY_HEADER_SIZE = 16;
/** Names and values begin at multiples of this; the list of entries ends with so many zero bytes. */
export const XATTR_PAD = 4;
export const MAX_NAME_LENGTH = 255;
/** XATTR_SIZE_MAX: no value is longer, wherever it is kept. */
export const MAX_VALUE_SIZE = 65536;
/** Inodes that may share a block of attributes. */
export const MAX_BLOCK_REFERENCES = 1024;

const BLOCK_CHECKSUM = 0x10;

/** e_name_index */
export const NameIndex = {
  USER: 1,
  POSIX_ACL_ACCESS: 2,
  POSIX_ACL_DEFAULT: 3,
  TRUSTED: 4,
  LUSTRE: 5,
  SECURITY: 6,
  SYSTEM: 7,
  RICHACL: 8,
  ENCRYPTION: 9,
  HURD: 10,
} as const;
export type NameIndex = (typeof NameIndex)[keyof typeof NameIndex];

export const magic = (view: DataView, header: number): number => view.getUint32(header, true);

export const blockReferences = (view: DataView): number => view.getUint32(0x4, true);
/** h_blocks: blocks in use, always 1. */
export const blockCount = (view: DataView): number => view.getUint32(0x8, true);
/** h_hash over all entries; 0 forbids sharing. */
export const blockHash = (view: DataView): number => view.getUint32(0xc, true);
export const storedChecksum = (view: DataView): number => view.getUint32(BLOCK_CHECKSUM, true);

/** @param seed the filesystem's; the block's own number takes part, not that of any inode that uses it */
export function computeChecksum(seed: number, block: number, bytes: Uint8Array): number {
  let checksum = crc32cUint32(seed, block);
  checksum = crc32cUint32(checksum, Math.floor(block / 0x100000000));
  checksum = crc32c(checksum, bytes, 0, BLOCK_CHECKSUM);
  checksum = crc32cZeros(checksum, 4);
  return crc32c(checksum, bytes, BLOCK_CHECKSUM + 4, bytes.length);
}

export const padded = (length: number): number => (length + XATTR_PAD - 1) & -XATTR_PAD;
/** Bytes that an entry takes in the list: header, name, padding. */
export const entrySize = (nameLength: number): number => padded(ENTRY_HEADER_SIZE + nameLength);

export const isLastEntry = (view: DataView, entry: number): boolean => view.getUint32(entry, true) === 0;
export const entryNameLength = (view: DataView, entry: number): number => view.getUint8(entry);
export const entryNameIndex = (view: DataView, entry: number): number => view.getUint8(entry + 1);
export const entryName = (entry: number): number => entry + ENTRY_HEADER_SIZE;
export const nextEntry = (view: DataView, entry: number): number => entry + entrySize(entryNameLength(view, entry));
export const valueOffset = (view: DataView, entry: number): number => view.getUint16(entry + 2, true);
/** e_value_inum: the inode that holds the value, 0 where the value is beside the entries. */
export const valueInode = (view: DataView, entry: number): number => view.getUint32(entry + 4, true);
export const valueSize = (view: DataView, entry: number): number => view.getUint32(entry + 8, true);
export const entryHash = (view: DataView, entry: number): number => view.getUint32(entry + 12, true);

export const setMagic = (view: DataView, header: number, value: number): void => view.setUint32(header, value, true);
export const setBlockReferences = (view: DataView, count: number): void => view.setUint32(0x4, count, true);
export const setBlockHash = (view: DataView, hash: number): void => view.setUint32(0xc, hash, true);
export const setChecksum = (view: DataView, checksum: number): void => view.setUint32(BLOCK_CHECKSUM, checksum, true);

/** Makes a block of zeros one of attributes, without any yet, for one inode. */
export function initialiseBlock(view: DataView): void {
  setMagic(view, 0, XATTR_MAGIC);
  setBlockReferences(view, 1);
  view.setUint32(0x8, 1, true);
}

/** Name and index of an entry whose bytes are zeros; the name itself goes to `entryName(entry)`. */
export function setEntryIdentity(view: DataView, entry: number, index: NameIndex, nameLength: number): void {
  view.setUint8(entry, nameLength);
  view.setUint8(entry + 1, index);
}

/** @param offset 0 for a value that is in an inode, or has no bytes */
export function setEntryValue(view: DataView, entry: number, offset: number, inode: number, size: number): void {
  view.setUint16(entry + 2, offset, true);
  view.setUint32(entry + 4, inode, true);
  view.setUint32(entry + 8, size, true);
}
export const setValueOffset = (view: DataView, entry: number, offset: number): void => view.setUint16(entry + 2, offset, true);
export const setEntryHash = (view: DataView, entry: number, hash: number): void => view.setUint32(entry + 12, hash, true);

const NAME_HASH_SHIFT = 5;
const VALUE_HASH_SHIFT = 16;

/** Names hashed by machines on which char is signed; kernels before 6.2 wrote those, and readers accept both. */
export type CharSign = 'unsigned' | 'signed';

/** The part of e_hash that comes from the name at bytes[start, start + length). */
export function hashName(bytes: Uint8Array, start: number, length: number, sign: CharSign): number {
  let hash = 0;
  for (let at = start; at < start + length; at++) {
    const byte = bytes[at] as number;
    const char = sign === 'signed' ? (byte << 24) >> 24 : byte;
    hash = (hash << NAME_HASH_SHIFT) ^ (hash >>> (32 - NAME_HASH_SHIFT)) ^ char;
  }
  return hash >>> 0;
}

/**
 * Continues e_hash with one 32-bit word of the value, or with the checksum that stands for a value in
 * an inode; and h_hash with one entry's hash.
 */
export const hashWord = (hash: number, word: number): number =>
  ((hash << VALUE_HASH_SHIFT) ^ (hash >>> (32 - VALUE_HASH_SHIFT)) ^ word) >>> 0;

/** What an inode that holds a value keeps as its access time. */
export const valueChecksum = (seed: number, bytes: Uint8Array, start: number, length: number): number =>
  crc32c(seed, bytes, start, start + length);
