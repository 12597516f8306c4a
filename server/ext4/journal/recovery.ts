import { CorruptionError } from '../errors.js';
import { nextSequence } from '../layout/journal.js';
import type { JournalBlock } from '../units.js';
import { NO_FAST_COMMITS, scanFastCommits, type FastCommits } from './fast-commit-scan.js';
import { Replay } from './replay.js';
import { ReplayedBlocks } from './replayed-blocks.js';
import { scanLog, type CommittedLog } from './scan.js';
import type { JournalSource, ReplayTarget } from './source.js';
import { readJournalSuperblock, type JournalSuperblock } from './superblock.js';

/** What recovering a journal comes to. Nothing was written: see RecoveredDevice and writeHome. */
export interface RecoveryResult {
  readonly journal: JournalSuperblock;
  /** How many transactions were found whole. */
  readonly transactions: number;
  /** Which blocks they changed, and where in the journal the content is. */
  readonly blocks: ReplayedBlocks;
  /** Sequence number for the first transaction written from now on. */
  readonly nextSequence: number;
  /** The number that the transaction after those found would have had; that of the fast commits. */
  readonly endSequence: number;
  /** Where in the log it may be put. */
  readonly head: JournalBlock;
  /**
   * Set where transactions after those above were stored, but are damaged. What was recovered is a state
   * the filesystem was in; the kernel refuses it, because blocks on their home places may be newer.
   */
  readonly damage: CorruptionError | null;
  /** What happened after the last transaction, to be carried out on top of `blocks`. */
  readonly fastCommits: FastCommits;
  /** What was wrong, but lost nothing that was promised. */
  readonly warnings: readonly CorruptionError[];
}

/**
 * Recovers a jbd2 journal in three passes: find the committed transactions, collect what they logged
 * less what they revoked, verify it.
 * @throws CorruptionError, UnsupportedError, DeviceError
 */
export function recoverJournal(source: JournalSource, target: ReplayTarget): RecoveryResult {
  const journal = readJournalSuperblock(source);
  if (target.blockSize !== source.blockSize) {
    throw new CorruptionError('journal superblock', {}, `block size ${source.blockSize} on ${target.blockSize}`);
  }
  if (journal.start === null) return nothingToRecover(journal);

  const log = scanLog(source, journal, journal.start);
  const blocks = new Replay(source, journal, log).run(target);
  const fastCommits =
    journal.fastCommit === null || log.damage !== null
      ? NO_FAST_COMMITS
      : scanFastCommits(source, journal.fastCommit, log.endSequence, target.inodeSize);
  return {
    journal,
    transactions: log.transactions,
    blocks,
    // One is left out, so that a commit block that is still in the log never continues the new one.
    nextSequence: nextSequence(log.endSequence),
    endSequence: log.endSequence,
    head: log.head,
    damage: log.damage,
    fastCommits,
    warnings: warningsAbout(journal, log, fastCommits),
  };
}

function nothingToRecover(journal: JournalSuperblock): RecoveryResult {
  return {
    journal,
    transactions: 0,
    blocks: new ReplayedBlocks(),
    nextSequence: nextSequence(journal.sequence),
    endSequence: journal.sequence,
    head: journal.first,
    damage: null,
    fastCommits: NO_FAST_COMMITS,
    warnings: warningsAbout(journal, null, NO_FAST_COMMITS),
  };
}

function warningsAbout(journal: JournalSuperblock, log: CommittedLog | null, fastCommits: FastCommits): CorruptionError[] {
  const warnings: CorruptionError[] = [];
  if (journal.errno !== 0) {
    const detail = `the journal was aborted with error ${journal.errno}: the filesystem should be checked`;
    warnings.push(new CorruptionError('journal superblock', {}, detail));
  }
  if (log !== null && log.interrupted !== null) {
    warnings.push(new CorruptionError('journal block', { block: log.head }, `recovered up to an interrupted commit: ${log.interrupted}`));
  }
  if (fastCommits.refused !== null) warnings.push(fastCommits.refused);
  return warnings;
}
