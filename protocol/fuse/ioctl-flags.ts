/** flags of an IOCTL request. */
export const IoctlFlag = {
  COMPAT: 1 << 0,
  UNRESTRICTED: 1 << 1,
  RETRY: 1 << 2,
  /** The caller's long has 32 bits. */
  IS_32BIT: 1 << 3,
  /** The object is a directory. */
  DIRECTORY: 1 << 4,
  COMPAT_X32: 1 << 5,
} as const;
