import { constants } from 'node:os';

/** Errno values that are answered to the kernel. EUCLEAN is what ext4 calls EFSCORRUPTED, EBADMSG what it calls EFSBADCRC. */
export const errno = {
  ...constants.errno,
  EUCLEAN: 117,
  ENOKEY: 126,
  EREMOTEIO: 121,
} as const;

/** Anything that a device, or ext4 on it, throws on purpose. `errno` is positive. */
export abstract class FilesystemError extends Error {
  abstract readonly code: string;
  abstract readonly errno: number;
}

/** The device failed, or ends before the filesystem does. */
export class DeviceError extends FilesystemError {
  override readonly name = 'DeviceError';
  readonly code = 'IO';
  readonly errno: number;

  constructor(message: string, errorNumber: number = errno.EIO) {
    super(message);
    this.errno = errorNumber;
  }
}
