import { getSystemErrorName } from 'node:util';

/**
 * MALFORMED: a structure that is not as it should be (MalformedError says where). UNEXPECTED: a good
 * packet at the wrong step, or about something else. DESCRIPTORS: missing or surplus. TOO_LONG: more
 * than 64 KiB. VERSION: none in common. CLOSED: the peer died or left. TIMEOUT: it stalled. SYSTEM: a
 * system call failed.
 */
export type LibfuseErrorCode = 'MALFORMED' | 'UNEXPECTED' | 'DESCRIPTORS' | 'TOO_LONG' | 'VERSION' | 'CLOSED' | 'TIMEOUT' | 'SYSTEM';

/** The conversation cannot go on. */
export class LibfuseError extends Error {
  override readonly name: string = 'LibfuseError';
  readonly code: LibfuseErrorCode;

  constructor(code: LibfuseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Where a structure of the peer's is wrong, and what stood there. */
export class MalformedError extends LibfuseError {
  override readonly name = 'MalformedError';
  /** The letters of the packet's magic, or "ARGS". */
  readonly structure: string;
  readonly place: string;
  readonly value: number | string;

  constructor(structure: string, place: string, value: number | string, complaint: string) {
    super('MALFORMED', `${structure}.${place} is ${JSON.stringify(value)}: ${complaint}`);
    this.structure = structure;
    this.place = place;
    this.value = value;
  }
}

/** The helper answered a request with an errno; the conversation goes on. */
export class RequestRefusedError extends Error {
  override readonly name = 'RequestRefusedError';
  readonly request: string;
  /** Positive. */
  readonly errno: number;

  constructor(request: string, about: string, errno: number) {
    super(`the mount helper refused ${request}${about === '' ? '' : ` "${about}"`}: ${errnoName(errno)}`);
    this.request = request;
    this.errno = errno;
  }
}

/** Whatever number a peer sends. */
function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}
