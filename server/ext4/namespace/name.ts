/** A file name where it lies, in a request or in a caller's buffer: raw bytes, not necessarily text. */
export interface Name {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}
