import { crc32c } from './crc32c.js';
import { FileType } from './inode.js';

/**
 * Directory entries in place: `entry` is where one begins in the view
 * (Documentation/filesystems/ext4/directory.rst). The length of a name is read as 8 bits even without
 * the filetype feature, where the field has 16: names end at 255, and that is how the kernel reads it.
 */
export const ENTRY_HEADER_SIZE = 8;
export const MAX_NAME_LENGTH = 255;
/** The shortest entry that holds a name. */
export const MIN_ENTRY_SIZE = 12;
/** Hash and minor hash that follow each name where a directory is both encrypted and casefolded. */
const STORED_HASH_SIZE = 8;

/** In file_type; larger values are unknown. */
export const EntryType = {
  UNKNOWN: 0,
  REGULAR: 1,
  DIRECTORY: 2,
  CHARACTER: 3,
  BLOCK: 4,
  FIFO: 5,
  SOCKET: 6,
  SYMLINK: 7,
} as const;

const BY_FILE_TYPE: Readonly<Record<number, number>> = {
  [FileType.REGULAR]: EntryType.REGULAR,
  [FileType.DIRECTORY]: EntryType.DIRECTORY,
  [FileType.CHARACTER]: EntryType.CHARACTER,
  [FileType.BLOCK]: EntryType.BLOCK,
  [FileType.FIFO]: EntryType.FIFO,
  [FileType.SOCKET]: EntryType.SOCKET,
  [FileType.SYMLINK]: EntryType.SYMLINK,
};

/** @param mode an inode's */
export const entryTypeOf = (mode: number): number => BY_FILE_TYPE[mode & FileType.MASK] ?? EntryType.UNKNOWN;

export const entryInode = (view: DataView, entry: number): number => view.getUint32(entry, true);
export const nameLength = (view: DataView, entry: number): number => view.getUint8(entry + 6);
export const fileType = (view: DataView, entry: number): number => view.getUint8(entry + 7);
export const nameStart = (entry: number): number => entry + ENTRY_HEADER_SIZE;

/** Bytes to the next entry. With blocks of 64 KiB the two low bits are the high ones, and 0 and 65535 a whole block. */
export function recordLength(view: DataView, entry: number, blockSize: number): number {
  const raw = view.getUint16(entry + 4, true);
  if (blockSize < 0x10000) return raw;
  return raw === 0 || raw === 0xffff ? blockSize : (raw & 0xfffc) | ((raw & 3) << 16);
}

/** Bytes that a name needs. */
export const entrySize = (length: number, storedHash: boolean): number =>
  ((ENTRY_HEADER_SIZE + length + 3) & ~3) + (storedHash ? STORED_HASH_SIZE : 0);

const storedHashAt = (view: DataView, entry: number): number => entry + entrySize(nameLength(view, entry), false);
export const storedHash = (view: DataView, entry: number): number => view.getUint32(storedHashAt(view, entry), true);
export const storedMinorHash = (view: DataView, entry: number): number => view.getUint32(storedHashAt(view, entry) + 4, true);

/** The tail of a block under metadata_csum looks like an unused entry: it holds the checksum of what is before it. */
export const TAIL_SIZE = 12;
const TAIL_FILE_TYPE = 0xde;
const TAIL_CHECKSUM = 8;

export const hasTail = (view: DataView, tail: number): boolean =>
  view.getUint32(tail, true) === 0 &&
  view.getUint16(tail + 4, true) === TAIL_SIZE &&
  view.getUint8(tail + 6) === 0 &&
  view.getUint8(tail + 7) === TAIL_FILE_TYPE;
export const storedChecksum = (view: DataView, tail: number): number => view.getUint32(tail + TAIL_CHECKSUM, true);
export const computeChecksum = (inodeSeed: number, bytes: Uint8Array, tail: number): number => crc32c(inodeSeed, bytes, 0, tail);

/** Whether bytes[offset, offset+length) is "." or "..". */
export const isDotName = (bytes: Uint8Array, offset: number, length: number): boolean =>
  (length === 1 || (length === 2 && bytes[offset + 1] === 0x2e)) && bytes[offset] === 0x2e;

export const setEntryInode = (view: DataView, entry: number, inode: number): void => view.setUint32(entry, inode, true);
export const setFileType = (view: DataView, entry: number, type: number): void => view.setUint8(entry + 7, type);

export function setRecordLength(view: DataView, entry: number, length: number): void {
  // Only blocks of 64 KiB have longer entries than 16 bits hold: one that fills the block, and those just below.
  const raw = length < 0x10000 ? length : 0xffff;
  view.setUint16(entry + 4, raw, true);
}

/** An entry for a name; `record` is the whole length to the next entry. */
export function writeEntry(view: DataView, bytes: Uint8Array, entry: number, record: number, inode: number, type: number, name: Uint8Array, offset: number, length: number): void {
  setEntryInode(view, entry, inode);
  setRecordLength(view, entry, record);
  view.setUint8(entry + 6, length);
  view.setUint8(entry + 7, type);
  for (let at = 0; at < length; at++) bytes[entry + ENTRY_HEADER_SIZE + at] = name[offset + at] as number;
}

export function writeTail(view: DataView, tail: number): void {
  view.setUint32(tail, 0, true);
  view.setUint16(tail + 4, TAIL_SIZE, true);
  view.setUint8(tail + 6, 0);
  view.setUint8(tail + 7, TAIL_FILE_TYPE);
}

export const setChecksum = (view: DataView, tail: number, checksum: number): void => view.setUint32(tail + TAIL_CHECKSUM, checksum, true);
