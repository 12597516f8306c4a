import { errno } from '../ext4/errors.js';
import type { Handler, OperationTable } from '../session/handler.js';

const refuse: Handler = () => -errno.EROFS;

/**
 * Everything that would change a filesystem. The kernel refuses these on a read-only mount before
 * they get here; ENOSYS instead would be remembered as "does not exist".
 */
export const readOnlyRefusals: OperationTable = {
  SETATTR: refuse,
  SYMLINK: refuse,
  MKNOD: refuse,
  MKDIR: refuse,
  UNLINK: refuse,
  RMDIR: refuse,
  RENAME: refuse,
  RENAME2: refuse,
  LINK: refuse,
  WRITE: refuse,
  SETXATTR: refuse,
  REMOVEXATTR: refuse,
  CREATE: refuse,
  TMPFILE: refuse,
  FALLOCATE: refuse,
  COPY_FILE_RANGE: refuse,
  COPY_FILE_RANGE_64: refuse,
};
