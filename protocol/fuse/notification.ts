/**
 * What the server tells the kernel without being asked: a reply with `unique` 0 and a code where the
 * error would be.
 *
 *   fuse_notify_inval_inode_out   nodeid8@0 offset8@8 length8@16
 *   fuse_notify_prune_out         count4@0 padding4@4 spare8@8, then count × nodeid8
 */
import { OUT_HEADER_SIZE, writeOutHeader } from './header.js';
import { write64 } from './word64.js';

const INVALIDATE_INODE = 2;
const INVALIDATE_INODE_SIZE = 24;
/** A negative offset: the attributes, and none of the cached contents. */
const ATTRIBUTES_ONLY = -1;

export const STALE_NODE_SIZE = OUT_HEADER_SIZE + INVALIDATE_INODE_SIZE;

/** @returns the length of the message */
export const writeStaleAttributes = (view: DataView, at: number, nodeid: number): number =>
  writeStaleContents(view, at, nodeid, ATTRIBUTES_ONLY, 0);

/**
 * The cached contents of a range; what of it was changed in the cache is written back first, and
 * whoever sends this waits for it.
 * @param size bytes; 0: up to the end
 * @returns the length of the message
 */
export function writeStaleContents(view: DataView, at: number, nodeid: number, offset: number, size: number): number {
  writeOutHeader(view, at, STALE_NODE_SIZE, INVALIDATE_INODE, 0, 0);
  write64(view, at + OUT_HEADER_SIZE, nodeid);
  write64(view, at + OUT_HEADER_SIZE + 8, offset);
  write64(view, at + OUT_HEADER_SIZE + 16, size);
  return STALE_NODE_SIZE;
}

const PRUNE = 9;
const PRUNE_FIXED_SIZE = 16;

/** Nodes that the kernel (Linux 6.18) drops, and forgets, unless somebody uses them. @returns the length of the message */
export function writeUnneeded(view: DataView, at: number, nodeids: readonly number[]): number {
  const length = OUT_HEADER_SIZE + PRUNE_FIXED_SIZE + 8 * nodeids.length;
  writeOutHeader(view, at, length, PRUNE, 0, 0);
  write64(view, at + OUT_HEADER_SIZE, nodeids.length);
  write64(view, at + OUT_HEADER_SIZE + 8, 0);
  for (const [index, nodeid] of nodeids.entries()) write64(view, at + OUT_HEADER_SIZE + PRUNE_FIXED_SIZE + 8 * index, nodeid);
  return length;
}
