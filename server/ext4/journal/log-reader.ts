import { CorruptionError } from '../errors.js';
import { JOURNAL_MAGIC, journalMagic } from '../layout/journal.js';
import { journalBlock, type JournalBlock } from '../units.js';
import type { JournalSource } from './source.js';
import type { JournalSuperblock } from './superblock.js';

/**
 * Reads the log block by block from a position, around the end of the ring to its beginning. The
 * bytes of the block read last are at hand in `bytes` and `view`.
 */
export class LogReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the block in `bytes` was read. */
  block: JournalBlock;
  readonly #source: JournalSource;
  readonly #journal: JournalSuperblock;
  #next: JournalBlock;
  #left: number;

  constructor(source: JournalSource, journal: JournalSuperblock, start: JournalBlock) {
    this.bytes = new Uint8Array(source.blockSize);
    this.view = new DataView(this.bytes.buffer);
    this.block = start;
    this.#source = source;
    this.#journal = journal;
    this.#next = start;
    this.#left = journal.end - journal.first;
  }

  /** Where the next block will be read. */
  get position(): JournalBlock {
    return this.#next;
  }

  /** Reads the next block. False where the whole ring has been read: there can be no more log. */
  read(): boolean {
    if (this.#left === 0) return false;
    this.block = this.#advance(1);
    this.#source.read(this.block, this.bytes);
    return true;
  }

  /** Passes over `count` blocks. False where so many are not left. */
  skip(count: number): boolean {
    if (count > this.#left) return false;
    this.#advance(count);
    return true;
  }

  /** Reads `block` again. @throws CorruptionError where it is not the kind of block that was there before */
  reread(block: JournalBlock): void {
    this.block = block;
    this.#source.read(block, this.bytes);
    if (journalMagic(this.view) !== JOURNAL_MAGIC) {
      throw new CorruptionError('journal block', { block }, 'changed while it was recovered');
    }
  }

  #advance(count: number): JournalBlock {
    const from = this.#next;
    this.#left -= count;
    this.#next = blockAfter(this.#journal, from, count);
    return from;
  }
}

/** The position `count` blocks behind `block` in the ring; count is at most its length. */
export function blockAfter(journal: JournalSuperblock, block: JournalBlock, count: number): JournalBlock {
  const next = block + count;
  return journalBlock(next >= journal.end ? next - (journal.end - journal.first) : next);
}
