/** Told what happens to changes, so that what was derived from blocks can follow. */
export interface TransactionListener {
  /** The handle is about to close: what is derived from its changes, such as an inode's checksum, is brought up to date. */
  ending?(): void;
  /** The open handle's changes were taken back: throw away what was derived from changed blocks. */
  undone?(): void;
  /** About to commit: last changes may still be made. */
  committing?(): void;
  /** The transaction takes no more changes, and is being committed: what comes now belongs to the next. */
  frozen?(): void;
  /** The transaction that was frozen last is durable: what it freed may be used again. */
  committed?(): void;
  /** Nothing can be committed any more. May not throw. */
  aborted?(reason: Error): void;
}
