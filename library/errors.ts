import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { FilesystemError } from '../server/ext4/errors.js';

/** Errors of Linux filesystems that libuv, and so Node's own table of messages, does not know. */
const MESSAGES_BEYOND_LIBUV: ReadonlyMap<number, readonly [string, string]> = new Map([
  [117, ['EUCLEAN', 'structure needs cleaning']],
  [126, ['ENOKEY', 'required key not available']],
  [constants.errno.ESTALE, ['ESTALE', 'stale file handle']],
]);

const describe = (number: number): readonly [string, string] =>
  MESSAGES_BEYOND_LIBUV.get(number) ?? getSystemErrorMap().get(-number) ?? ['EIO', `error ${number}`];

/**
 * An operation on an image failed. Has the shape of the errors of `node:fs`, so that code written
 * for those needs no change; `cause` is the filesystem's own error, which says what was found where.
 */
export class ImageError extends Error implements NodeJS.ErrnoException {
  /** The name of the error number, for example `ENOENT`. */
  readonly code: string;
  /** Negative, as in Node. */
  readonly errno: number;
  readonly syscall: string;
  readonly path?: string;

  /** @param number the positive error number */
  constructor(number: number, syscall: string, path: string | undefined, cause?: unknown) {
    const [code, text] = describe(number);
    super(`${code}: ${text}, ${syscall}${path === undefined ? '' : ` '${path}'`}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.errno = -number;
    this.syscall = syscall;
    if (path !== undefined) this.path = path;
  }
}

/** Runs one operation on the filesystem; what the filesystem throws comes out in Node's shape. */
export function attempt<Result>(syscall: string, path: string | undefined, operation: () => Result): Result {
  try {
    return operation();
  } catch (error) {
    throw error instanceof FilesystemError ? new ImageError(error.errno, syscall, path, error) : error;
  }
}
