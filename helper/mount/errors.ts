/** Exit status of mount(8), which its helpers share. */
export const exitStatus = {
  success: 0,
  usage: 1,
  system: 2,
  internal: 4,
  interrupted: 8,
  mtab: 16,
  failure: 32,
} as const;

/** What can be wrong, by name; the number is mount(8)'s exit status for it. */
const codes = {
  USAGE: exitStatus.usage,
  BAD_OPTION: exitStatus.usage,
  PERMISSION: exitStatus.usage,
  SYSTEM: exitStatus.system,
  INTERNAL: exitStatus.internal,
  INTERRUPTED: exitStatus.interrupted,
  SOURCE_NOT_FOUND: exitStatus.failure,
  SOURCE_NOT_USABLE: exitStatus.failure,
  SOURCE_BUSY: exitStatus.failure,
  BAD_MOUNT_POINT: exitStatus.failure,
  NO_FUSE: exitStatus.failure,
  MOUNT_REFUSED: exitStatus.failure,
  NO_IOMAP: exitStatus.failure,
  NOT_MOUNTED: exitStatus.failure,
  TARGET_BUSY: exitStatus.failure,
  SERVER_REFUSED: exitStatus.failure,
  SERVER_FAILED: exitStatus.failure,
  SERVER_NOT_STARTED: exitStatus.system,
} as const;

export type MountErrorCode = keyof typeof codes;

export const isMountErrorCode = (text: string): text is MountErrorCode => Object.hasOwn(codes, text);

/** Anything that stops a mount or unmount and that the user is told. One sentence, and what to do about it. */
export class MountError extends Error {
  override readonly name = 'MountError';
  readonly code: MountErrorCode;
  readonly hint: string;
  /** The server's own name for a refusal ("NOT_EXT4", "CORRUPT", …), otherwise the same as `code`. */
  readonly reason: string;
  /** Positive; undefined where no system call failed. */
  readonly errno: number | undefined;

  constructor(code: MountErrorCode, message: string, hint = '', reason: string = code, errno?: number) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.reason = reason;
    this.errno = errno;
  }

  get exitStatus(): number {
    return codes[this.code];
  }
}
