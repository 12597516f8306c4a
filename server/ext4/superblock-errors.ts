import { CorruptionError, errno, type FilesystemError } from './errors.js';
import { ERROR_FUNCTION_SIZE, FirstError, LastError, setText, setTime, setWide, SuperblockFields, type ErrorFields } from './layout/superblock-fields.js';
import { State } from './layout/superblock.js';

/** s_first_error_errcode and s_last_error_errcode: the same on machines that number their errors differently. */
const CODES: ReadonlyMap<number, number> = new Map([
  [errno.EIO, 2],
  [errno.ENOMEM, 3],
  [errno.EBADMSG, 4],
  [errno.EUCLEAN, 5],
  [errno.ENOSPC, 6],
  [errno.ENOKEY, 7],
  [errno.EROFS, 8],
  [errno.EFBIG, 9],
  [errno.EEXIST, 10],
  [errno.ERANGE, 11],
  [errno.EOVERFLOW, 12],
  [errno.EBUSY, 13],
  [errno.ENOTDIR, 14],
  [errno.ENOTEMPTY, 15],
]);
const UNKNOWN_CODE = 1;
const STATE = SuperblockFields.state;

/** s_error_count to s_last_error_func, and what was put elsewhere when that was full. */
const ERROR_RANGES = [
  { start: 0x194, end: 0x200 },
  { start: 0x278, end: 0x27c },
] as const;

/**
 * Errors are written past a journal that was aborted, whose last version of the superblock knows
 * nothing of them. Having been replayed, it gets them back.
 * @param before the superblock as it was found
 * @param after as the journal has it; changed here
 * @returns whether anything was missing
 */
export function keepErrors(before: Uint8Array, after: Uint8Array): boolean {
  const kept = after.slice();
  for (const { start, end } of ERROR_RANGES) kept.set(before.subarray(start, end), start);
  kept[STATE] = (kept[STATE] ?? 0) | ((before[STATE] ?? 0) & State.ERRORS);
  if (Buffer.compare(kept, after) === 0) return false;
  after.set(kept);
  return true;
}

interface RecordedError {
  readonly problem: FilesystemError;
  readonly seconds: number;
}

/** Errors that were met and are not in the superblock yet: the first and the last of them, and how many. */
export class SuperblockErrors {
  #first: RecordedError | undefined;
  #last: RecordedError | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(problem: FilesystemError, seconds: number): void {
    this.#last = { problem, seconds };
    this.#first ??= this.#last;
    this.#count++;
  }

  /** Adds them to those that the superblock at `offset` knows, and forgets them. */
  writeTo(bytes: Uint8Array, view: DataView, offset: number): void {
    if (this.#first === undefined || this.#last === undefined) return;
    const knowsFirst = view.getUint32(offset + FirstError.time, true) !== 0 || view.getUint8(offset + FirstError.timeHigh) !== 0;
    if (!knowsFirst) writeError(bytes, view, offset, FirstError, this.#first);
    writeError(bytes, view, offset, LastError, this.#last);
    const known = view.getUint32(offset + SuperblockFields.errorCount, true);
    view.setUint32(offset + SuperblockFields.errorCount, Math.min(known + this.#count, 0xffffffff), true);
    this.#first = undefined;
    this.#last = undefined;
    this.#count = 0;
  }
}

/** Where the kernel has the name of its function, the name of the structure stands. */
function writeError(bytes: Uint8Array, view: DataView, offset: number, fields: ErrorFields, { problem, seconds }: RecordedError): void {
  const corruption = problem instanceof CorruptionError ? problem : undefined;
  setTime(view, offset + fields.time, offset + fields.timeHigh, seconds);
  view.setUint32(offset + fields.inode, corruption?.place.inode ?? 0, true);
  setWide(view, offset + fields.block, offset + fields.block + 4, corruption?.place.block ?? 0);
  setText(bytes, offset + fields.function, ERROR_FUNCTION_SIZE, new TextEncoder().encode(corruption?.structure ?? problem.name));
  view.setUint32(offset + fields.line, 0, true);
  view.setUint8(offset + fields.code, CODES.get(problem.errno) ?? UNKNOWN_CODE);
}
