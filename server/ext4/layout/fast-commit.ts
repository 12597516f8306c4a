import { MAX_NAME_LENGTH } from './directory-entry.js';
import * as extent from './extent.js';
import { GOOD_OLD_INODE_SIZE } from './inode.js';

/**
 * Fast-commit records: tag, length and value, one after the other in the last blocks of the journal,
 * none across a block's end (Documentation/filesystems/ext4/journal.rst, "Fast Commits"). Unlike the
 * rest of the journal they are little-endian.
 */
export const FastCommitTag = {
  ADD_RANGE: 1,
  REMOVE_RANGE: 2,
  CREATE: 3,
  LINK: 4,
  UNLINK: 5,
  INODE: 6,
  PAD: 7,
  TAIL: 8,
  HEAD: 9,
} as const;

/** Tag and length, before each value. */
export const RECORD_HEADER_SIZE = 4;

export const recordTag = (view: DataView, record: number): number => view.getUint16(record, true);
export const valueLength = (view: DataView, record: number): number => view.getUint16(record + 2, true);

const INODE_NUMBER_SIZE = 4;
const ENTRY_INODES_SIZE = 8;
const RANGE_SIZE = INODE_NUMBER_SIZE + extent.EXTENT_ENTRY_SIZE;
const REMOVED_RANGE_SIZE = 12;
const HEAD_SIZE = 8;
const TAIL_SIZE = 8;

/** Whether a value of this length can belong to the tag. */
export function isValidLength(tag: number, length: number, inodeSize: number): boolean {
  switch (tag) {
    case FastCommitTag.ADD_RANGE:
      return length === RANGE_SIZE;
    case FastCommitTag.REMOVE_RANGE:
      return length === REMOVED_RANGE_SIZE;
    case FastCommitTag.CREATE:
    case FastCommitTag.LINK:
    case FastCommitTag.UNLINK:
      return length > ENTRY_INODES_SIZE && length <= ENTRY_INODES_SIZE + MAX_NAME_LENGTH;
    case FastCommitTag.INODE:
      return length >= INODE_NUMBER_SIZE + GOOD_OLD_INODE_SIZE && length <= INODE_NUMBER_SIZE + inodeSize;
    case FastCommitTag.PAD:
      return true;
    case FastCommitTag.TAIL:
      return length >= TAIL_SIZE;
    case FastCommitTag.HEAD:
      return length === HEAD_SIZE;
    default:
      return false;
  }
}

export const headFeatures = (view: DataView, value: number): number => view.getUint32(value, true);
export const headSequence = (view: DataView, value: number): number => view.getUint32(value + 4, true);
export const tailSequence = (view: DataView, value: number): number => view.getUint32(value, true);
/** The last thing in a commit: a CRC-32C, begun with 0, of everything before it. */
export const TAIL_CHECKSUM = 4;
export const tailChecksum = (view: DataView, value: number): number => view.getUint32(value + TAIL_CHECKSUM, true);

/** What a record asks for; numbers are as found, not yet checked against the filesystem. */
export type FastCommitRecord =
  | { readonly kind: 'add range'; readonly inode: number; readonly logical: number; readonly length: number; readonly physical: number; readonly unwritten: boolean }
  | { readonly kind: 'remove range'; readonly inode: number; readonly logical: number; readonly length: number }
  | { readonly kind: 'create' | 'link' | 'unlink'; readonly parent: number; readonly inode: number; readonly name: Uint8Array }
  | { readonly kind: 'inode'; readonly inode: number; readonly raw: Uint8Array };

/** The record of a tag that changes something; null for the others. Its length was found valid. */
export function parseRecord(tag: number, bytes: Uint8Array, view: DataView, value: number, length: number): FastCommitRecord | null {
  const inode = view.getUint32(value, true);
  const entry = value + INODE_NUMBER_SIZE;
  switch (tag) {
    case FastCommitTag.ADD_RANGE:
      return {
        kind: 'add range',
        inode,
        logical: extent.entryLogical(view, entry),
        length: extent.extentLength(view, entry),
        physical: extent.extentStart(view, entry),
        unwritten: extent.isUnwritten(view, entry),
      };
    case FastCommitTag.REMOVE_RANGE:
      return { kind: 'remove range', inode, logical: view.getUint32(value + 4, true), length: view.getUint32(value + 8, true) };
    case FastCommitTag.CREATE:
    case FastCommitTag.LINK:
    case FastCommitTag.UNLINK:
      return {
        kind: tag === FastCommitTag.CREATE ? 'create' : tag === FastCommitTag.LINK ? 'link' : 'unlink',
        parent: inode,
        inode: view.getUint32(value + 4, true),
        name: bytes.slice(value + ENTRY_INODES_SIZE, value + length),
      };
    case FastCommitTag.INODE:
      return { kind: 'inode', inode, raw: bytes.slice(entry, value + length) };
    default:
      return null;
  }
}
