/** open_flags of a reply to OPEN, OPENDIR, CREATE (FOPEN_*). */
export const OpenFlag = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  NONSEEKABLE: 1 << 2,
  CACHE_DIR: 1 << 3,
  STREAM: 1 << 4,
  /** No FLUSH on close; without effect under the writeback cache. */
  NOFLUSH: 1 << 5,
  /** Dropped by the kernel without DIRECT_IO. */
  PARALLEL_DIRECT_WRITES: 1 << 6,
  PASSTHROUGH: 1 << 7,
} as const;
