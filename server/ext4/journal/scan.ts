import { CorruptionError } from '../errors.js';
import { crc32Be } from '../layout/crc32-be.js';
import {
  JOURNAL_MAGIC,
  journalBlockType,
  journalMagic,
  journalSequence,
  journalType,
  nextSequence,
} from '../layout/journal.js';
import type { JournalBlock } from '../units.js';
import { commitMatches, commitTime } from './commit-block.js';
import { countTags } from './descriptor-block.js';
import { LogReader } from './log-reader.js';
import type { JournalSource } from './source.js';
import type { JournalSuperblock } from './superblock.js';
import { tailChecksumMatches } from './tail-checksum.js';

/** A descriptor or revoke block of a committed transaction. */
export interface LogRecord {
  readonly block: JournalBlock;
  readonly sequence: number;
}

/** What the first pass finds: the transactions that were committed whole. */
export interface CommittedLog {
  readonly transactions: number;
  readonly descriptors: readonly LogRecord[];
  readonly revokes: readonly LogRecord[];
  /** The first sequence number that is not part of the log any more. */
  readonly endSequence: number;
  /** Where the log may be continued. */
  readonly head: JournalBlock;
  /** Why the log ends here although a commit block follows: something in it was damaged, not just never finished. */
  readonly damage: CorruptionError | null;
  /** Likewise, but explained by a crash: nothing that was promised to be stored is lost. */
  readonly interrupted: string | null;
}

/**
 * Pass one: walks the log from its start and finds where it ends. Telling an interrupted commit from
 * damage follows the kernel: a bad checksum below a commit block that is older than the one before
 * it belongs to an earlier round of the ring; otherwise the journal is damaged, except that with
 * asynchronous commits the commit block may simply have reached the device before its transaction.
 */
export function scanLog(source: JournalSource, journal: JournalSuperblock, start: JournalBlock): CommittedLog {
  return new Scan(source, journal, start).run();
}

class Scan {
  readonly #source: JournalSource;
  readonly #journal: JournalSuperblock;
  readonly #reader: LogReader;
  readonly #content: Uint8Array;

  readonly #descriptors: LogRecord[] = [];
  readonly #revokes: LogRecord[] = [];
  /** Of what the lists hold, so much belongs to transactions whose commit block was found. */
  #committedDescriptors = 0;
  #committedRevokes = 0;
  #transactions = 0;
  #head: JournalBlock;
  #sequence: number;

  /** CRC-32 over the current transaction, for checksums of version 1. */
  #logged = 0xffffffff;
  #badBlock: JournalBlock | null = null;
  #lastCommitTime = 0;
  #damage: CorruptionError | null = null;
  #interrupted: string | null = null;

  constructor(source: JournalSource, journal: JournalSuperblock, start: JournalBlock) {
    this.#source = source;
    this.#journal = journal;
    this.#reader = new LogReader(source, journal, start);
    this.#content = new Uint8Array(journal.checksum === 'v1' ? source.blockSize : 0);
    this.#head = start;
    this.#sequence = journal.sequence;
  }

  run(): CommittedLog {
    let sequence = this.#sequence;
    while (this.#reader.read() && this.#isOf(sequence)) {
      const goesOn = this.#visit(sequence);
      if (!goesOn) break;
      if (journalType(this.#reader.view) === journalBlockType.commit) sequence = nextSequence(sequence);
    }
    return {
      transactions: this.#transactions,
      descriptors: this.#descriptors.slice(0, this.#committedDescriptors),
      revokes: this.#revokes.slice(0, this.#committedRevokes),
      endSequence: this.#sequence,
      head: this.#head,
      damage: this.#damage,
      interrupted: this.#interrupted,
    };
  }

  #isOf(sequence: number): boolean {
    const { view } = this.#reader;
    return journalMagic(view) === JOURNAL_MAGIC && journalSequence(view) === sequence;
  }

  /** False where the log ends with this block. */
  #visit(sequence: number): boolean {
    const { block, view } = this.#reader;
    switch (journalType(view)) {
      case journalBlockType.descriptor:
        this.#descriptors.push({ block, sequence });
        this.#checkTail();
        return this.#passContent();
      case journalBlockType.revoke:
        this.#revokes.push({ block, sequence });
        this.#checkTail();
        return true;
      case journalBlockType.commit:
        return this.#commit(sequence);
      default:
        return false;
    }
  }

  /** A wrong checksum says nothing yet: remains of an older log look the same. The commit block decides. */
  #checkTail(): void {
    const { block, bytes, view } = this.#reader;
    if (!tailChecksumMatches(this.#journal, bytes, view)) this.#badBlock ??= block;
  }

  /** Moves behind the blocks that the descriptor at hand describes. */
  #passContent(): boolean {
    const count = countTags(this.#journal, this.#reader.view);
    if (this.#journal.checksum !== 'v1') return this.#reader.skip(count);

    this.#logged = crc32Be(this.#logged, this.#reader.bytes, 0, this.#reader.bytes.length);
    for (let passed = 0; passed < count; passed++) {
      const block = this.#reader.position;
      if (!this.#reader.skip(1)) return false;
      this.#source.read(block, this.#content);
      this.#logged = crc32Be(this.#logged, this.#content, 0, this.#content.length);
    }
    return true;
  }

  #commit(sequence: number): boolean {
    const { block, bytes, view } = this.#reader;
    const time = commitTime(view);
    const failed = this.#interrupted !== null;
    if (failed) {
      // A later transaction was committed: the one that looked interrupted had been stored, and is damaged.
      this.#damage = new CorruptionError('journal block', { block: this.#head }, this.#interrupted as string);
      this.#interrupted = null;
      return false;
    }

    const whole = this.#badBlock === null && commitMatches(this.#journal, bytes, view, this.#logged);
    if (!whole) return time >= this.#lastCommitTime && this.#reject(sequence, this.#badBlock ?? block);

    this.#logged = 0xffffffff;
    this.#lastCommitTime = time;
    this.#committedDescriptors = this.#descriptors.length;
    this.#committedRevokes = this.#revokes.length;
    this.#transactions++;
    this.#head = this.#reader.position;
    this.#sequence = nextSequence(sequence);
    return true;
  }

  /** The log ends before this transaction. True where the next commit block must tell why. */
  #reject(sequence: number, block: JournalBlock): boolean {
    const detail = `checksum of transaction ${sequence} does not match`;
    if (this.#badBlock === null && this.#journal.asyncCommit) {
      this.#interrupted = detail;
      return this.#journal.checksum === 'v1';
    }
    this.#damage = new CorruptionError('journal block', { block }, detail);
    return false;
  }
}
