import type { Inode } from '../inode.js';
import { GOOD_OLD_INODE_SIZE } from '../layout/inode.js';
import type { Superblock } from '../layout/superblock.js';
import * as layout from '../layout/xattr.js';
import { verifyEntries, type EntryList } from './entries.js';

/**
 * Finds the attributes that lie in the inode itself, between its extra fields and its end.
 *
 * @returns false where there is no room for any, or there are none
 * @throws CorruptionError where they are damaged; checked once per load of the inode
 */
export function locateBodyEntries(inode: Inode, superblock: Superblock, list: EntryList): boolean {
  if (!hasBodyRoom(inode, superblock)) return false;
  const header = bodyHeader(inode);
  if (layout.magic(inode.view, header) !== layout.XATTR_MAGIC) return false;
  const first = header + layout.BODY_HEADER_SIZE;
  list.set(inode.view, inode.bytes, first, first, inode.offset + superblock.inodeSize);
  if (!inode.bodyEntriesVerified) {
    verifyEntries(list, superblock, { inode: inode.number, block: inode.block.number });
    inode.bodyEntriesVerified = true;
  }
  return true;
}

/** Whether a header and an empty list fit. Without i_extra_isize an inode keeps no attributes, however large it is. */
export const hasBodyRoom = (inode: Inode, { inodeSize }: Superblock): boolean =>
  inode.extraSize !== 0 &&
  GOOD_OLD_INODE_SIZE + inode.extraSize + layout.BODY_HEADER_SIZE + layout.XATTR_PAD <= inodeSize;

export const bodyHeader = (inode: Inode): number => inode.offset + GOOD_OLD_INODE_SIZE + inode.extraSize;
