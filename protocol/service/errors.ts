/** The other end refused, in its own words. The channel is closed by then. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** Usually a RefusalCode; a newer peer may know more. */
  readonly code: string;
  /** What the user can do about it; may be empty. */
  readonly hint: string;

  constructor(code: string, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
