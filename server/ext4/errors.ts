import { errno, FilesystemError } from '../device/errors.js';

export { DeviceError, errno, FilesystemError } from '../device/errors.js';

/** Structures that an error can name, in the words of Documentation/filesystems/ext4. */
export type Structure =
  | 'superblock'
  | 'group descriptor'
  | 'block bitmap'
  | 'inode bitmap'
  | 'inode'
  | 'extent tree'
  | 'block map'
  | 'inline data'
  | 'directory block'
  | 'htree'
  | 'extended attribute'
  | 'symbolic link'
  | 'orphan list'
  | 'orphan file'
  | 'quota file'
  | 'mmp block'
  | 'journal superblock'
  | 'journal block'
  | 'fast commit block';

/** Where it was found; what does not apply is left out. Block numbers are of the filesystem unless the structure is the journal's. */
export interface Place {
  readonly inode?: number;
  readonly block?: number;
  readonly group?: number;
  readonly offset?: number;
}

const describe = (place: Place): string => {
  const parts = Object.entries(place).map(([what, value]) => `${what} ${value}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
};

/** What was read from the device cannot be right. Never thrown for a mere disagreement with the caller. */
export class CorruptionError extends FilesystemError {
  override readonly name = 'CorruptionError';
  readonly code = 'CORRUPT';
  readonly errno: number = errno.EUCLEAN;
  readonly structure: Structure;
  readonly place: Place;
  readonly detail: string;

  constructor(structure: Structure, place: Place, detail: string) {
    super(`${structure}${describe(place)}: ${detail}`);
    this.structure = structure;
    this.place = place;
    this.detail = detail;
  }
}

/** The filesystem uses an incompatible feature, or a geometry, that this program does not know. */
export class UnsupportedError extends FilesystemError {
  override readonly name = 'UnsupportedError';
  readonly code = 'UNSUPPORTED_FEATURE';
  readonly errno = errno.EOPNOTSUPP;
}

/** There is no ext2/3/4 filesystem where one was expected. */
export class NotExt4Error extends FilesystemError {
  override readonly name = 'NotExt4Error';
  readonly code = 'NOT_EXT4';
  readonly errno = errno.EINVAL;
}

/** Someone else has the filesystem mounted, or checks it. */
export class InUseError extends FilesystemError {
  override readonly name = 'InUseError';
  readonly code = 'IN_USE';
  readonly errno = errno.EBUSY;
}

/** The request cannot be done: the errno is the answer. For paths that are not hot; hot ones return -errno. */
export class OperationError extends FilesystemError {
  override readonly name: string = 'OperationError';
  readonly code = 'OPERATION';
  /** An answer like any other: nothing to log. */
  readonly expected = true;
  readonly errno: number;

  constructor(errorNumber: number, message: string) {
    super(message);
    this.errno = errorNumber;
  }
}

/** Of the filesystem, or within a quota. */
export const isLackOfRoom = (error: unknown): boolean => error instanceof FilesystemError && (error.errno === errno.ENOSPC || error.errno === errno.EDQUOT);
