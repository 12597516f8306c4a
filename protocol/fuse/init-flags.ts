/**
 * FUSE_INIT flags by name. The wire splits them: bits 0..31 travel in `flags`, 32..63 as bit-32 in
 * `flags2`, which counts only together with INIT_EXT. A flag is in force when the kernel offered it
 * and the server echoed it.
 */
export const InitFlag = {
  /** Several READs of one file may be in flight. */
  ASYNC_READ: 0,
  /** POSIX locks come to the server; without it the kernel keeps them, which is right on one machine. */
  POSIX_LOCKS: 1,
  /**
   * O_TRUNC travels in OPEN. Never together with an OPEN answered ENOSYS: fuse_do_setattr() then
   * leaves the truncation to an open that nobody sends, and the old data comes back.
   */
  ATOMIC_O_TRUNC: 3,
  /** LOOKUP of "." and "..", from which the kernel makes file handles (NFS, name_to_handle_at). */
  EXPORT_SUPPORT: 4,
  /** WRITEs larger than one page. */
  BIG_WRITES: 5,
  /** The server applies the umask; needed for default ACLs, which override it. */
  DONT_MASK: 6,
  SPLICE_WRITE: 7,
  SPLICE_MOVE: 8,
  SPLICE_READ: 9,
  FLOCK_LOCKS: 10,
  HAS_IOCTL_DIR: 11,
  /** Pages are dropped when mtime or size change under the kernel; not wanted by an only writer. */
  AUTO_INVAL_DATA: 12,
  DO_READDIRPLUS: 13,
  /** READDIRPLUS only at offset 0 and after an entry was looked up; counts only with DO_READDIRPLUS. */
  READDIRPLUS_AUTO: 14,
  ASYNC_DIO: 15,
  WRITEBACK_CACHE: 16,
  /** The kernel accepts ENOSYS to OPEN as "never ask again". */
  NO_OPEN_SUPPORT: 17,
  PARALLEL_DIROPS: 18,
  HANDLE_KILLPRIV: 19,
  /** The kernel caches and enforces POSIX ACLs; implies default_permissions (process_init_reply()). */
  POSIX_ACL: 20,
  /** Reading after an abort through the control file gives ECONNABORTED instead of ENODEV. */
  ABORT_ERROR: 21,
  /** max_pages counts. It also raises the name limit to 4095 bytes if the result is above 1. */
  MAX_PAGES: 22,
  CACHE_SYMLINKS: 23,
  /** As NO_OPEN_SUPPORT for OPENDIR; directories are then cached as with FOPEN_CACHE_DIR. */
  NO_OPENDIR_SUPPORT: 24,
  /** Pages are dropped only on notification. Ignored if AUTO_INVAL_DATA is in force. */
  EXPLICIT_INVAL_DATA: 25,
  MAP_ALIGNMENT: 26,
  SUBMOUNTS: 27,
  /** The kernel leaves clearing of suid, sgid and capabilities to the server and says when. */
  HANDLE_KILLPRIV_V2: 28,
  /** SETXATTR's fixed part has 16 bytes instead of 8. */
  SETXATTR_EXT: 29,
  INIT_EXT: 30,
  SECURITY_CTX: 32,
  HAS_INODE_DAX: 33,
  /** Creating requests carry the parent's group if the caller is a member of it. */
  CREATE_SUPP_GROUP: 34,
  HAS_EXPIRE_ONLY: 35,
  DIRECT_IO_ALLOW_MMAP: 36,
  PASSTHROUGH: 37,
  NO_EXPORT_SUPPORT: 38,
  HAS_RESEND: 39,
  /** Idmapped mounts. Without default_permissions (or POSIX_ACL) the kernel rejects the whole INIT. */
  ALLOW_IDMAP: 40,
  /** After echoing it every request waits for rings: echoed only once they are set up. */
  OVER_IO_URING: 41,
  REQUEST_TIMEOUT: 42,
  /** File data by mappings; the extension's number, which a kernel without it may have for something else. */
  IOMAP: 43,
} as const;

export type InitFlagName = keyof typeof InitFlag;

const FLAGS2 = 32;

/** Both words of a set of flags. */
export interface InitFlagWords {
  readonly flags: number;
  readonly flags2: number;
}

export function toWords(names: Iterable<InitFlagName>): InitFlagWords {
  let flags = 0;
  let flags2 = 0;
  for (const name of names) {
    const bit = InitFlag[name];
    if (bit < FLAGS2) flags |= 1 << bit;
    else flags2 |= 1 << (bit - FLAGS2);
  }
  return { flags: flags >>> 0, flags2: flags2 >>> 0 };
}

/** Names of the known flags that are set. `flags2` counts only if INIT_EXT is set in `flags`. */
export function toNames({ flags, flags2 }: InitFlagWords): Set<InitFlagName> {
  const extended = (flags & (1 << InitFlag.INIT_EXT)) !== 0;
  const names = new Set<InitFlagName>();
  for (const [name, bit] of Object.entries(InitFlag) as [InitFlagName, number][]) {
    const set = bit < FLAGS2 ? flags & (1 << bit) : extended ? flags2 & (1 << (bit - FLAGS2)) : 0;
    if (set !== 0) names.add(name);
  }
  return names;
}
