import { constants } from 'node:os';

export const { EACCES, EEXIST, EFBIG, EINVAL, EIO, EISDIR, ENAMETOOLONG, ENODATA, ENOENT, ENOSYS, ENOTDIR, EOPNOTSUPP, EOVERFLOW, EPERM, EROFS, ESTALE, EXDEV } = constants.errno;

/** What a caller is told in the course of things. */
export class TreeError extends Error {
  override readonly name = 'TreeError';
  /** Positive. */
  readonly errno: number;
  readonly expected = true;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}

/** The result of a system call, unless that failed. */
export function orFail(result: number, what: string): number {
  if (result < 0) throw new TreeError(-result, what);
  return result;
}
