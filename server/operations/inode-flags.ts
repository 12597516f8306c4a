/**
 * ext4's i_flags as the two ioctls show them: FS_IOC_GETFLAGS by the same numbers, FS_IOC_FSGETXATTR
 * by its own (linux/fs.h, FS_XFLAG_*).
 */
import { InodeFlags } from '../ext4/layout/inode.js';

const DIRSYNC_TO_CASEFOLD =
  InodeFlags.SECRM | InodeFlags.UNRM | InodeFlags.COMPR | InodeFlags.SYNC | InodeFlags.IMMUTABLE | InodeFlags.APPEND |
  InodeFlags.NODUMP | InodeFlags.NOATIME | InodeFlags.ENCRYPT | InodeFlags.INDEX | InodeFlags.JOURNAL_DATA |
  InodeFlags.NOTAIL | InodeFlags.DIRSYNC | InodeFlags.TOPDIR | InodeFlags.EXTENTS | InodeFlags.VERITY | InodeFlags.DAX |
  InodeFlags.INLINE_DATA | InodeFlags.PROJINHERIT | InodeFlags.CASEFOLD;

/** FS_DIRTY_FL, FS_COMPRBLK_FL, FS_NOCOMP_FL, EXT4_EOFBLOCKS_FL: not used by ext4 (any more), and shown all the same. */
const RELICS = 0x400700;

/** HUGE_FILE, EA_INODE and the rest are the filesystem's own affair (EXT4_FL_USER_VISIBLE). */
export const userVisibleFlags = (flags: number): number => (flags & (DIRSYNC_TO_CASEFOLD | RELICS)) >>> 0;

const XFLAGS: readonly (readonly [flag: number, xflag: number])[] = [
  [InodeFlags.IMMUTABLE, 0x8],
  [InodeFlags.APPEND, 0x10],
  [InodeFlags.SYNC, 0x20],
  [InodeFlags.NOATIME, 0x40],
  [InodeFlags.NODUMP, 0x80],
  [InodeFlags.PROJINHERIT, 0x200],
  [InodeFlags.DAX, 0x8000],
  [InodeFlags.VERITY, 0x20000],
];

export const extendedFlags = (flags: number): number =>
  XFLAGS.reduce((all, [flag, xflag]) => ((flags & flag) === 0 ? all : all | xflag), 0);

/** Those that the second ioctl can change (FS_COMMON_FL). */
const COMMON = XFLAGS.reduce((all, [flag]) => (flag === InodeFlags.VERITY ? all : all | flag), 0);

/** The flags of the first ioctl that stand for what the second one asks for. */
export const flagsWithExtended = (flags: number, extended: number): number =>
  XFLAGS.reduce((all, [flag, xflag]) => ((extended & xflag) === 0 || flag === InodeFlags.VERITY ? all : all | flag), flags & ~COMMON) >>> 0;
