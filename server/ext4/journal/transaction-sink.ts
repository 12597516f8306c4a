import type { CachedBlock } from '../cache/block-cache.js';
import type { PhysicalBlock } from '../units.js';

/**
 * What becomes of the blocks of a transaction when it commits: the log of a journal, or, on a
 * filesystem without one, straight home (journal/log.ts, journal/no-log.ts). It may write while the
 * next transaction runs; one thing is under way at a time.
 */
export interface TransactionSink {
  /** Most blocks that one transaction may hold, those for its revoke records included. */
  readonly capacity: number;
  /** How many revoked blocks take the room of one block. */
  readonly revokesPerBlock: number;
  /** Whether something was begun that collect() has not seen the end of. */
  readonly isBusy: boolean;
  /** Whether what relieve() does had better not wait for another commit. */
  readonly isTight: boolean;
  /**
   * Begins to make the transaction durable. On return every block may be changed again, if preserve()
   * is told of it; none may leave memory before it is clean. Not while anything is under way.
   * @throws DeviceError: then nothing more can be committed
   */
  commit(transaction: CommittingTransaction): void;
  /** Begins to make durable what was written past it to the filesystem's device. Not while anything is under way. */
  flush(): void;
  /**
   * Looks whether what was begun has come to its end.
   * @param wait until it has
   * @returns whether that was a commit, or a flush
   * @throws DeviceError where it failed
   */
  collect(wait: boolean): boolean;
  /** Begins with, or goes on with, what makes room for later commits, if there is need and nothing is under way. */
  relieve(): void;
  /** The block is about to be changed, or to leave memory, by the running transaction, for the first time. */
  preserve(block: CachedBlock): void;
  /** Writes everything committed to its home. */
  checkpoint(): void;
  /** Nothing is committed any more. Notes why, for the next mount. Not while anything is under way. */
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
