import type { CachedBlock } from '../cache/block-cache.js';
import type { PhysicalBlock } from '../units.js';

/**
 * What becomes of the blocks of a transaction when it commits: the log of a journal, or, on a
 * filesystem without one, straight home (journal/log.ts, journal/no-log.ts).
 */
export interface TransactionSink {
  /** Most blocks that one transaction may hold, those for its revoke records included. */
  readonly capacity: number;
  /** How many revoked blocks take the room of one block. */
  readonly revokesPerBlock: number;
  /**
   * Makes the transaction durable. On return every block may be changed again.
   * @throws DeviceError: then nothing more can be committed
   */
  commit(transaction: CommittingTransaction): void;
  /** Writes everything committed to its home. */
  checkpoint(): void;
  /** Nothing is committed any more. Notes why, for the next mount. */
  abort(errorNumber: number): void;
  /** The filesystem is unmounted: everything is at home, and there is nothing to recover. */
  close(): void;
}

export interface CommittingTransaction {
  readonly id: number;
  /** Sealed: checksums are right. */
  readonly blocks: readonly CachedBlock[];
  /** Blocks that were freed and whose older versions must not be replayed. */
  readonly revoked: ReadonlySet<PhysicalBlock>;
}
