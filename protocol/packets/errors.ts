/**
 * MALFORMED: not a packet of this protocol, or a field out of range. DESCRIPTORS: missing, surplus or in
 * a role that the message does not have. UNEXPECTED: a valid message at the wrong step. TOO_LONG: more
 * than 64 KiB. VERSION, FEATURE: no common one. CLOSED: the peer died or left. TIMEOUT: it stalled.
 * STATE: this end's caller used a method out of order. SYSTEM: a system call failed.
 */
export type HandshakeErrorCode =
  | 'MALFORMED'
  | 'DESCRIPTORS'
  | 'UNEXPECTED'
  | 'TOO_LONG'
  | 'VERSION'
  | 'FEATURE'
  | 'CLOSED'
  | 'TIMEOUT'
  | 'STATE'
  | 'SYSTEM';

/** The handshake failed. The channel is closed by then, except for STATE. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly code: HandshakeErrorCode;

  constructor(code: HandshakeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
