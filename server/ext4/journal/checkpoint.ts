import type { CachedBlock } from '../cache/block-cache.js';
import type { PhysicalBlock } from '../units.js';
import type { HomeBlock } from './home-writer.js';

/** Copies' memory that is kept between checkpoints. */
const MOST_SPARE = 256;

/**
 * The blocks that were committed and are only in the log so far. Each is here once, whatever number
 * of transactions changed it: what counts is its last committed content. That is the one in memory,
 * or a copy from before the running transaction changed the block, or freed it.
 *
 * A checkpoint writes the blocks home in several goes, commits between them. What such a commit
 * changes again is no concern of that checkpoint any more: recovery finds it in the log.
 */
export class CheckpointList {
  /** Committed since the checkpoint began that is under way. */
  #blocks = new Map<PhysicalBlock, CachedBlock>();
  /** What the checkpoint under way is for. */
  #leaving = new Map<PhysicalBlock, CachedBlock>();
  /** Of those, in ascending order, the ones from #next on were not written yet. */
  #order: PhysicalBlock[] = [];
  #next = 0;
  readonly #copies = new Map<PhysicalBlock, Uint8Array>();
  readonly #spare: Uint8Array[] = [];

  get size(): number {
    return this.#blocks.size + this.#leaving.size;
  }

  /** Whether the checkpoint under way has written all that it is for. */
  get isWritten(): boolean {
    return this.#next >= this.#order.length;
  }

  /** The block is part of a transaction that is being committed; no other may be under way. */
  add(block: CachedBlock): void {
    block.awaitsCheckpoint = true;
    this.#leaving.delete(block.number);
    this.#blocks.set(block.number, block);
    this.#dropCopy(block.number);
  }

  /**
   * The block was freed by a transaction that is being committed. It left the cache before, when it was
   * freed, and the object here may be any other block by now.
   */
  drop(number: PhysicalBlock): void {
    this.#leaving.delete(number);
    this.#blocks.delete(number);
    this.#dropCopy(number);
  }

  /** The running transaction is about to change the block, or to free it. */
  preserve({ number, bytes, awaitsCheckpoint }: CachedBlock): void {
    if (!awaitsCheckpoint || this.#copies.has(number)) return;
    const copy = this.#spare.pop() ?? new Uint8Array(bytes.length);
    copy.set(bytes);
    this.#copies.set(number, copy);
  }

  /** A checkpoint begins, of all that is here. The one before must have ended. */
  begin(): void {
    this.#leaving = this.#blocks;
    this.#blocks = new Map();
    this.#order = [...this.#leaving.keys()].sort((a, b) => a - b);
    this.#next = 0;
  }

  /** The next ones that are to be written home. */
  take(most: number): HomeBlock[] {
    const taken: HomeBlock[] = [];
    while (taken.length < most && !this.isWritten) {
      const number = this.#order[this.#next++] as PhysicalBlock;
      const block = this.#leaving.get(number);
      if (block !== undefined) taken.push({ number, bytes: this.#copies.get(number) ?? block.bytes });
    }
    return taken;
  }

  /** Nothing that the checkpoint was for is in the log any more. */
  end(): void {
    for (const [number, block] of this.#leaving) {
      if (block.number === number) block.awaitsCheckpoint = false;
      this.#dropCopy(number);
    }
    this.#leaving.clear();
    this.#order = [];
    this.#next = 0;
    this.#spare.length = Math.min(this.#spare.length, MOST_SPARE);
  }

  #dropCopy(number: PhysicalBlock): void {
    const copy = this.#copies.get(number);
    if (copy === undefined) return;
    this.#copies.delete(number);
    this.#spare.push(copy);
  }
}
