/** Small reply bodies. Each writer returns the length written. */
import { write64 } from './word64.js';

/** fuse_getxattr_out (8): size4@0 padding4@4, the answer to a GETXATTR or LISTXATTR of size 0 */
export function writeXattrSizeOut(view: DataView, at: number, size: number): number {
  write64(view, at, size);
  return 8;
}

/** fuse_lseek_out (8): offset8@0 */
export function writeLseekOut(view: DataView, at: number, offset: number): number {
  write64(view, at, offset);
  return 8;
}

/** fuse_bmap_out (8): block8@0; 0 says that there is none */
export function writeBmapOut(view: DataView, at: number, block: number): number {
  write64(view, at, block);
  return 8;
}

/** fuse_ioctl_out (16): result4@0 flags4@4 in_iovs4@8 out_iovs4@12, then the data */
export const IOCTL_OUT_SIZE = 16;

export function writeIoctlOut(view: DataView, at: number, result: number): number {
  view.setInt32(at, result, true);
  view.setUint32(at + 4, 0, true);
  write64(view, at + 8, 0);
  return IOCTL_OUT_SIZE;
}

/** fuse_open_out (16): fh8@0 open_flags4@8 backing_id4@12 */
export function writeOpenOut(view: DataView, at: number, flags: number): number {
  write64(view, at, 0);
  view.setUint32(at + 8, flags, true);
  view.setInt32(at + 12, 0, true);
  return 16;
}

/** FOPEN_*: how the kernel is to treat an open file. */
export const OpenReplyFlag = { DIRECT_IO: 1, KEEP_CACHE: 2, CACHE_DIR: 8, NOFLUSH: 32, PARALLEL_DIRECT_WRITES: 64, PASSTHROUGH: 128 } as const;

/** As fuse_open_out, of what was opened. @param backing an id with PASSTHROUGH, else 0 */
export function writeOpenedOut(view: DataView, at: number, handle: number, flags: number, backing: number): number {
  write64(view, at, handle);
  view.setUint32(at + 8, flags, true);
  view.setInt32(at + 12, backing, true);
  return 16;
}

export const WRITE_OUT_SIZE = 8;

/** fuse_write_out (8): size4@0 padding4@4 */
export function writeWriteOut(view: DataView, at: number, size: number): number {
  write64(view, at, size);
  return WRITE_OUT_SIZE;
}

/** fuse_copy_file_range_out (8): bytes_copied8@0 */
export function writeCopyOut(view: DataView, at: number, size: number): number {
  write64(view, at, size);
  return 8;
}
