import { errno } from '../ext4/errors.js';
import { forgetNothing, type OperationTable } from '../session/handler.js';

/**
 * No open files and no counted lookups: the kernel is told once that there is nothing to open, and
 * sends neither OPEN nor RELEASE from then on.
 */
export const noOpenFiles: OperationTable = {
  OPEN: () => -errno.ENOSYS,
  OPENDIR: () => -errno.ENOSYS,
  // Only a file made by TMPFILE is open, as far as the kernel knows.
  RELEASE: () => 0,
  FORGET: forgetNothing,
  BATCH_FORGET: forgetNothing,
};
