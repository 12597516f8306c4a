import { errno, OperationError } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import { FileType, GOOD_OLD_INODE_SIZE, InodeFlags } from '../ext4/layout/inode.js';
import type { WritableFilesystem } from '../ext4/writable-filesystem.js';
import { userVisibleFlags } from './inode-flags.js';

/** EXT4_FL_USER_MODIFIABLE; the number is that of EOFBLOCKS, which nothing uses any more. */
const MODIFIABLE =
  InodeFlags.SECRM | InodeFlags.UNRM | InodeFlags.COMPR | InodeFlags.SYNC | InodeFlags.IMMUTABLE | InodeFlags.APPEND |
  InodeFlags.NODUMP | InodeFlags.NOATIME | InodeFlags.JOURNAL_DATA | InodeFlags.NOTAIL | InodeFlags.DIRSYNC |
  InodeFlags.TOPDIR | InodeFlags.EXTENTS | 0x400000 | InodeFlags.DAX | InodeFlags.PROJINHERIT | InodeFlags.CASEFOLD;
const ONLY_DIRECTORIES = InodeFlags.DIRSYNC | InodeFlags.TOPDIR | InodeFlags.CASEFOLD | InodeFlags.PROJINHERIT;
const FOR_OTHERS = InodeFlags.NODUMP | InodeFlags.NOATIME;
/** i_projid is the last field up to here. */
const EXTRA_SIZE_WITH_PROJECT = 32;

const fail = (error: number, what: string): never => {
  throw new OperationError(error, what);
};

/**
 * Changes of i_flags and i_projid as ext4's two ioctls make them. That the caller owns the file, and
 * may make it immutable or append-only, the kernel has checked (fileattr_set_prepare()).
 */
export class FlagChanges {
  readonly #writable: WritableFilesystem;

  constructor(writable: WritableFilesystem) {
    this.#writable = writable;
  }

  /**
   * @param wanted as FS_IOC_GETFLAGS shows them; what is shown but cannot be set is ignored
   * @param project the project that it is to belong to
   * @param mayJournal whether the caller may have data journalled (CAP_SYS_RESOURCE)
   */
  set(inode: Inode, wanted: number, project: number, mayJournal: boolean): void {
    const { inodes, clock } = this.#writable;
    if ((wanted & ~(MODIFIABLE | userVisibleFlags(0xffffffff))) !== 0) fail(errno.EOPNOTSUPP, 'flags that nobody can set');
    const flags = (wanted & MODIFIABLE) >>> 0;
    if ((flags & ~settable(inode)) !== 0) fail(errno.EOPNOTSUPP, 'flags that such a file cannot have');
    const changed = (flags ^ (inode.flags & MODIFIABLE)) >>> 0;
    this.#checkImmutable(inode, changed, flags, project);
    if ((changed & InodeFlags.JOURNAL_DATA) !== 0 && !mayJournal) fail(errno.EPERM, 'journalling of data is for root to decide');
    // What the kernel has of the file it would go on to move itself.
    if ((changed & InodeFlags.JOURNAL_DATA) !== 0 && inode.isRegular && this.#writable.writer.elsewhere !== undefined) fail(errno.EOPNOTSUPP, 'the kernel moves the data of this mount');
    if ((changed & InodeFlags.CASEFOLD) !== 0) this.#checkCasefold(inode);
    if ((changed & InodeFlags.EXTENTS) !== 0) this.#convertMapping(inode, (flags & InodeFlags.EXTENTS) !== 0);
    inodes.setFlags(inode, ((inode.flags & ~MODIFIABLE) | flags) >>> 0);
    this.#setProject(inode, project);
    inodes.touch(inode, clock.seconds, clock.nanoseconds, false);
  }

  /** What stays immutable cannot be changed otherwise. */
  #checkImmutable(inode: Inode, changed: number, flags: number, project: number): void {
    if (!inode.hasFlag('IMMUTABLE') || (flags & InodeFlags.IMMUTABLE) === 0) return;
    const hasProjects = this.#writable.filesystem.superblock.features.hasRoCompat('PROJECT');
    if (changed !== 0 || (hasProjects && project !== inode.projectId)) fail(errno.EPERM, 'the file is immutable');
  }

  #checkCasefold(inode: Inode): void {
    const { filesystem, directory } = this.#writable;
    if (!filesystem.superblock.features.hasIncompat('CASEFOLD')) fail(errno.EOPNOTSUPP, 'the filesystem has no casefold');
    if (!inode.isDirectory) fail(errno.ENOTDIR, 'only directories fold names');
    if (!directory.isEmpty(inode)) fail(errno.ENOTEMPTY, 'names exist already');
  }

  #convertMapping(inode: Inode, toExtents: boolean): void {
    const { migration, filesystem } = this.#writable;
    if (!filesystem.superblock.features.hasIncompat('EXTENTS') || inode.hasFlag('INLINE_DATA')) fail(errno.EINVAL, 'there is nothing to convert, or nothing to convert it to');
    if (toExtents) migration.toExtents(inode);
    else migration.toBlockMap(inode);
  }

  #setProject(inode: Inode, project: number): void {
    const { superblock } = this.#writable.filesystem;
    if (project === inode.projectId) return;
    if (!superblock.features.hasRoCompat('PROJECT') || superblock.inodeSize <= GOOD_OLD_INODE_SIZE) fail(errno.EOPNOTSUPP, 'the filesystem has no projects');
    if (inode.extraSize < EXTRA_SIZE_WITH_PROJECT) fail(errno.EOVERFLOW, 'the inode has no room for a project');
    this.#writable.setProject(inode, project);
  }
}

function settable(inode: Inode): number {
  if (inode.fileType === FileType.DIRECTORY) return MODIFIABLE;
  return inode.isRegular ? MODIFIABLE & ~ONLY_DIRECTORIES : FOR_OTHERS;
}
