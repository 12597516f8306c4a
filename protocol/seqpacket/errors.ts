import { getSystemErrorName } from 'node:util';

/**
 * CLOSED: the peer closed its end or died. TIMEOUT: it did not answer, or did not take our packet, in
 * time. TOO_LONG: a packet above 64 KiB. TOO_MANY_DESCRIPTORS: more than fit, or than this
 * process may have open; all of them are closed. NOT_SEQPACKET: the descriptor is another kind of file.
 * SYSTEM: the system call failed with `errno`.
 */
export type SeqpacketErrorCode = 'CLOSED' | 'TIMEOUT' | 'TOO_LONG' | 'TOO_MANY_DESCRIPTORS' | 'NOT_SEQPACKET' | 'SYSTEM';

export class SeqpacketError extends Error {
  override readonly name = 'SeqpacketError';
  readonly code: SeqpacketErrorCode;
  /** Positive; 0 where no system call failed. */
  readonly errno: number;

  constructor(code: SeqpacketErrorCode, message: string, errno = 0) {
    super(errno === 0 ? message : `${message}: ${getSystemErrorName(-errno)}`);
    this.code = code;
    this.errno = errno;
  }
}

/** What the failure of a channel is to the conversation over it, whatever its dialect. */
export const CONVERSATION_CODES = {
  CLOSED: 'CLOSED',
  TIMEOUT: 'TIMEOUT',
  TOO_LONG: 'TOO_LONG',
  TOO_MANY_DESCRIPTORS: 'DESCRIPTORS',
  NOT_SEQPACKET: 'SYSTEM',
  SYSTEM: 'SYSTEM',
} as const satisfies Record<SeqpacketErrorCode, string>;
