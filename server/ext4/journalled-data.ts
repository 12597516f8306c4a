import { Verified, type BlockCache } from './cache/block-cache.js';
import type { Inode } from './inode.js';
import type { Transactions } from './journal/transactions.js';
import { physicalBlock, type PhysicalBlock } from './units.js';

/** How file data relates to the journal (`data=`). */
export type DataMode = 'ordered' | 'writeback' | 'journal';

/**
 * File data that goes through the journal, because the mount has it so (`data=journal`) or the file
 * (chattr +j): its blocks are in the cache like those of metadata, and become durable, or not, together
 * with the size and the mapping that they belong to.
 *
 * Files may take turns in how they are written. So what counts is the block: while a version of it is
 * on its way home through the log, the next one has to take the same way.
 */
export class JournalledData {
  readonly #cache: BlockCache;
  readonly #transactions: Transactions;
  readonly #always: boolean;
  readonly #hasJournal: boolean;

  constructor(cache: BlockCache, transactions: Transactions, mode: DataMode, hasJournal: boolean) {
    this.#cache = cache;
    this.#transactions = transactions;
    this.#always = mode === 'journal';
    this.#hasJournal = hasJournal;
  }

  /** Most blocks to be written in one step: data takes the room of metadata. */
  stepFor(inode: Inode): number {
    return this.#cache.holdsFileData || this.#appliesTo(inode) ? this.#transactions.stepBlocks : Infinity;
  }

  /** Whether a write to the blocks that hold these bytes of the device has to go through the journal; if not, no old version of them is in memory. */
  claims(inode: Inode, position: number, length: number): boolean {
    if (this.#appliesTo(inode)) return true;
    if (!this.#cache.holdsFileData) return false;
    const { blockSize } = this.#cache;
    const first = Math.floor(position / blockSize);
    const end = Math.ceil((position + length) / blockSize);
    for (let number = first; number < end; number++) {
      const block = this.#cache.peek(physicalBlock(number));
      if (block?.verifiedAs !== Verified.FileData) continue;
      if (block.isDirty) return true;
      this.#cache.discard(block);
    }
    return false;
  }

  /** Writes with zeros before and behind, in the open handle. */
  write(source: Uint8Array, from: number, length: number, position: number, before: number, behind: number): void {
    const { blockSize } = this.#cache;
    this.#cache.holdsFileData = true;
    const start = position - before;
    const end = position + length + behind;
    for (let at = start; at < end; ) {
      const number = physicalBlock(Math.floor(at / blockSize));
      const base = number * blockSize;
      const stop = Math.min(end, base + blockSize);
      const bytes = stop - at === blockSize ? this.#blank(number) : this.#kept(number);
      // What lies outside [position, position + length) is zeros, and then the block is blank.
      const first = Math.max(at, position);
      const last = Math.min(stop, position + length);
      if (first < last) bytes.set(source.subarray(from + first - position, from + last - position), first - base);
      at = stop;
    }
  }

  #blank(number: PhysicalBlock): Uint8Array {
    return this.#transactions.create(number, Verified.FileData, 0, 0).bytes;
  }

  #kept(number: PhysicalBlock): Uint8Array {
    const block = this.#cache.get(number);
    this.#transactions.modify(block, Verified.FileData, 0);
    return block.bytes;
  }

  #appliesTo(inode: Inode): boolean {
    return this.#hasJournal && (this.#always || inode.hasFlag('JOURNAL_DATA')) && inode.isRegular && !inode.hasFlag('ENCRYPT');
  }
}
