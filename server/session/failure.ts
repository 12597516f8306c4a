import { constants } from 'node:os';
import { MAXIMUM_ERRNO } from '../../protocol/fuse/header.js';

const { EIO } = constants.errno;

/** An error that says what the caller is to be told: `errno` is positive. */
interface ErrnoError extends Error {
  readonly errno: number;
}

/**
 * Errors that were thrown on purpose name their errno. Node's own (negative errno) do not count: a
 * system call that fails unforeseen is a defect here, and EIO there.
 */
export function isDeliberate(error: unknown): error is ErrnoError {
  if (!(error instanceof Error)) return false;
  const { errno } = error as Partial<ErrnoError>;
  return typeof errno === 'number' && Number.isInteger(errno) && errno > 0 && errno <= MAXIMUM_ERRNO;
}

/** Whether the error is an ordinary answer, such as "no such file", which nobody needs to hear of. */
export const isExpected = (error: unknown): boolean => isDeliberate(error) && (error as { expected?: unknown }).expected === true;

/** What the kernel is answered for an exception: a negative errno. */
export function toErrno(error: unknown): number {
  return isDeliberate(error) ? -error.errno : -EIO;
}
