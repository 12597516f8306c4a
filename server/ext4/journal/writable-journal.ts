import type { JournalBlock } from '../units.js';
import type { JournalRun } from './internal-source.js';
import type { JournalStorage } from './journal-storage.js';
import type { JournalSuperblock } from './superblock.js';
import type { JournalSuperblockWriter } from './superblock-writer.js';

/** A journal that is empty, and ready to be written by a Log. */
export interface WritableJournal {
  readonly storage: JournalStorage;
  readonly superblock: JournalSuperblock;
  readonly writer: JournalSuperblockWriter;
  /** Where the log goes on, and with which transaction. */
  readonly head: JournalBlock;
  readonly sequence: number;
  /** Blocks of the filesystem that the journal occupies: no file may own them. None for an external journal. */
  readonly runs: readonly JournalRun[];
  /**
   * The error that its last user left in the journal, 0 if none. It goes into the filesystem's
   * superblock; the journal keeps it until its first commit, which comes after.
   */
  readonly error: number;
}
