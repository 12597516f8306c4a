/**
 * What the server tells the kernel without being asked: a reply with `unique` 0 and a code where the
 * error would be.
 *
 *   fuse_notify_inval_inode_out   nodeid8@0 offset8@8 length8@16
 */
import { OUT_HEADER_SIZE, writeOutHeader } from './header.js';
import { write64 } from './word64.js';

const INVALIDATE_INODE = 2;
const INVALIDATE_INODE_SIZE = 24;
/** A negative offset: the attributes, and none of the cached contents. */
const ATTRIBUTES_ONLY = -1;

/** @returns the length of the message */
export function writeStaleAttributes(view: DataView, at: number, nodeid: number): number {
  const length = OUT_HEADER_SIZE + INVALIDATE_INODE_SIZE;
  writeOutHeader(view, at, length, INVALIDATE_INODE, 0, 0);
  write64(view, at + OUT_HEADER_SIZE, nodeid);
  write64(view, at + OUT_HEADER_SIZE + 8, ATTRIBUTES_ONLY);
  write64(view, at + OUT_HEADER_SIZE + 16, 0);
  return length;
}
