/** Fields of the fixed parts of request bodies; `at` is where the body begins. */
import { readI64, readU64 } from './word64.js';

/** fuse_forget_in (8), which also makes up BATCH_FORGET's list after its own 8 bytes */
export const forgetLookups = (view: DataView, at: number): number => readU64(view, at);

/** fuse_batch_forget_in: count4@0 dummy4@4, then count × (nodeid8, nlookup8) */
const BATCH_FORGET_FIXED_SIZE = 8;
const BATCH_FORGET_ENTRY_SIZE = 16;

/** Of what the kernel says to be there only what is there. */
export function eachForgotten(view: DataView, at: number, length: number, forget: (nodeid: number, lookups: number) => void): void {
  const room = Math.floor((length - BATCH_FORGET_FIXED_SIZE) / BATCH_FORGET_ENTRY_SIZE);
  const count = Math.min(view.getUint32(at, true), room);
  for (let index = 0; index < count; index++) {
    const entry = at + BATCH_FORGET_FIXED_SIZE + index * BATCH_FORGET_ENTRY_SIZE;
    forget(readU64(view, entry), readU64(view, entry + 8));
  }
}

/** fuse_read_in (40), also of READDIR and READDIRPLUS: fh8@0 offset8@8 size4@16 read_flags4@20 lock_owner8@24 flags4@32 padding4@36 */
export const readOffset = (view: DataView, at: number): number => readU64(view, at + 8);
export const readSize = (view: DataView, at: number): number => view.getUint32(at + 16, true);
export const readOpenFlags = (view: DataView, at: number): number => view.getUint32(at + 32, true);

/** fh8@0, which READ, WRITE, RELEASE, FSYNC, FALLOCATE, LSEEK, COPY_FILE_RANGE and their kin begin with */
export const requestHandle = (view: DataView, at: number): number => readU64(view, at);

/** fuse_open_in (8): flags4@0 open_flags4@4 */
export const openFlags = (view: DataView, at: number): number => view.getUint32(at, true);

/** fuse_getattr_in (16): getattr_flags4@0 dummy4@4 fh8@8 */
export const GetattrFlag = { FH: 1 } as const;
export const getattrFlags = (view: DataView, at: number): number => view.getUint32(at, true);

/** fuse_fsync_in (16): fh8@0 fsync_flags4@8 padding4@12 */
export const FsyncFlag = { DATA_ONLY: 1 } as const;
export const fsyncFlags = (view: DataView, at: number): number => view.getUint32(at + 8, true);

/** fuse_getxattr_in (8), also of LISTXATTR: size4@0 padding4@4, then for GETXATTR the name. Size 0 asks how much room is needed. */
export const getxattrSize = (view: DataView, at: number): number => view.getUint32(at, true);

/** fuse_setxattr_in (16, with SETXATTR_EXT): size4@0 flags4@4 setxattr_flags4@8 padding4@12, then the name and the value */
export const SetxattrFlag = { ACL_KILL_SGID: 1 } as const;
export const setxattrSize = (view: DataView, at: number): number => view.getUint32(at, true);
export const setxattrFlags = (view: DataView, at: number): number => view.getUint32(at + 4, true);
export const setxattrExtraFlags = (view: DataView, at: number): number => view.getUint32(at + 8, true);

/** fuse_lseek_in (24): fh8@0 offset8@8 whence4@16 padding4@20. The kernel sends only SEEK_DATA and SEEK_HOLE. */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;
export const lseekOffset = (view: DataView, at: number): number => readI64(view, at + 8);
export const lseekWhence = (view: DataView, at: number): number => view.getUint32(at + 16, true);

/** fuse_bmap_in (16): block8@0 blocksize4@8 padding4@12. Only on fuseblk mounts. */
export const bmapBlock = (view: DataView, at: number): number => readU64(view, at);
export const bmapBlockSize = (view: DataView, at: number): number => view.getUint32(at + 8, true);

/** fuse_ioctl_in (32): fh8@0 flags4@8 cmd4@12 arg8@16 in_size4@24 out_size4@28, then in_size bytes */
export const IOCTL_FIXED_SIZE = 32;
export const ioctlCommand = (view: DataView, at: number): number => view.getUint32(at + 12, true);
export const ioctlInSize = (view: DataView, at: number): number => view.getUint32(at + 24, true);
export const ioctlOutSize = (view: DataView, at: number): number => view.getUint32(at + 28, true);

/** fuse_write_in (40): fh8@0 offset8@8 size4@16 write_flags4@20 lock_owner8@24 flags4@32 padding4@36, then the data */
export const WRITE_FIXED_SIZE = 40;
export const WriteFlags = { CACHE: 1, LOCKOWNER: 2, KILL_SUIDGID: 4 } as const;
export const writeOffset = (view: DataView, at: number): number => readU64(view, at + 8);
export const writeSize = (view: DataView, at: number): number => view.getUint32(at + 16, true);
export const writeFlags = (view: DataView, at: number): number => view.getUint32(at + 20, true);
export const writeOpenFlags = (view: DataView, at: number): number => view.getUint32(at + 32, true);

/** fuse_setattr_in (88) */
export const SetattrValid = {
  MODE: 0x1, UID: 0x2, GID: 0x4, SIZE: 0x8, ATIME: 0x10, MTIME: 0x20, FH: 0x40, ATIME_NOW: 0x80, MTIME_NOW: 0x100,
  LOCKOWNER: 0x200, CTIME: 0x400, KILL_SUIDGID: 0x800,
} as const;
export const setattrValid = (view: DataView, at: number): number => view.getUint32(at, true);
export const setattrHandle = (view: DataView, at: number): number => readU64(view, at + 8);
export const setattrSize = (view: DataView, at: number): number => readU64(view, at + 16);
export const setattrAccessSeconds = (view: DataView, at: number): number => readI64(view, at + 32);
export const setattrModificationSeconds = (view: DataView, at: number): number => readI64(view, at + 40);
export const setattrChangeSeconds = (view: DataView, at: number): number => readI64(view, at + 48);
export const setattrAccessNanoseconds = (view: DataView, at: number): number => view.getUint32(at + 56, true);
export const setattrModificationNanoseconds = (view: DataView, at: number): number => view.getUint32(at + 60, true);
export const setattrChangeNanoseconds = (view: DataView, at: number): number => view.getUint32(at + 64, true);
export const setattrMode = (view: DataView, at: number): number => view.getUint32(at + 68, true);
export const setattrUid = (view: DataView, at: number): number => view.getUint32(at + 76, true);
export const setattrGid = (view: DataView, at: number): number => view.getUint32(at + 80, true);

/** fuse_mknod_in (16): mode4@0 rdev4@4 umask4@8 padding4@12, then the name */
export const mknodMode = (view: DataView, at: number): number => view.getUint32(at, true);
export const mknodDevice = (view: DataView, at: number): number => view.getUint32(at + 4, true);
export const mknodUmask = (view: DataView, at: number): number => view.getUint32(at + 8, true);
export const clearMknodUmask = (view: DataView, at: number): void => view.setUint32(at + 8, 0, true);

/** fuse_mkdir_in (8): mode4@0 umask4@4, then the name */
export const mkdirMode = (view: DataView, at: number): number => view.getUint32(at, true);
export const mkdirUmask = (view: DataView, at: number): number => view.getUint32(at + 4, true);
export const clearMkdirUmask = (view: DataView, at: number): void => view.setUint32(at + 4, 0, true);

/** fuse_create_in (16), also of TMPFILE: flags4@0 mode4@4 umask4@8 open_flags4@12, then the name */
export const createFlags = (view: DataView, at: number): number => view.getUint32(at, true);
export const createMode = (view: DataView, at: number): number => view.getUint32(at + 4, true);
export const createUmask = (view: DataView, at: number): number => view.getUint32(at + 8, true);
export const clearCreateUmask = (view: DataView, at: number): void => view.setUint32(at + 8, 0, true);

/** fuse_rename_in (8): newdir8@0; fuse_rename2_in (16): newdir8@0 flags4@8 padding4@12; then both names */
export const renameNewDirectory = (view: DataView, at: number): number => readU64(view, at);
export const rename2Flags = (view: DataView, at: number): number => view.getUint32(at + 8, true);

/** fuse_link_in (8): oldnodeid8@0, then the new name */
export const linkTarget = (view: DataView, at: number): number => readU64(view, at);

/** fuse_fallocate_in (32): fh8@0 offset8@8 length8@16 mode4@24 padding4@28 */
export const FallocateMode = { KEEP_SIZE: 0x1, PUNCH_HOLE: 0x2, ZERO_RANGE: 0x10 } as const;
export const fallocateOffset = (view: DataView, at: number): number => readU64(view, at + 8);
export const fallocateLength = (view: DataView, at: number): number => readU64(view, at + 16);
export const fallocateMode = (view: DataView, at: number): number => view.getUint32(at + 24, true);

/** fuse_copy_file_range_in (56): fh_in8@0 off_in8@8 nodeid_out8@16 fh_out8@24 off_out8@32 len8@40 flags8@48 */
export const copyOffsetIn = (view: DataView, at: number): number => readU64(view, at + 8);
export const copyHandleOut = (view: DataView, at: number): number => readU64(view, at + 24);
export const copyNodeidOut = (view: DataView, at: number): number => readU64(view, at + 16);
export const copyOffsetOut = (view: DataView, at: number): number => readU64(view, at + 32);
export const copyLength = (view: DataView, at: number): number => readU64(view, at + 40);
