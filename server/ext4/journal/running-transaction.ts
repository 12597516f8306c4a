import type { CachedBlock } from '../cache/block-cache.js';
import type { PhysicalBlock } from '../units.js';

/** What the handles of the running transaction have changed so far. One object serves all transactions, one after the other. */
export class RunningTransaction {
  /** Blocks that it has freed, and whose older versions must not be replayed. */
  readonly revoked = new Set<PhysicalBlock>();
  /** Whether it has what must be durable before data that was written can be found again. */
  changesMoreThanTimes = false;
  #id: number;
  #blocks: CachedBlock[] = [];
  #startedAt = 0;

  /** @param id its sequence number, 1..2^32-1 */
  constructor(id: number) {
    this.#id = id;
  }

  get id(): number {
    return this.#id;
  }

  /** In no order. */
  get blocks(): readonly CachedBlock[] {
    return this.#blocks;
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0 && this.revoked.size === 0;
  }

  /** When it got its first change, in milliseconds of performance.now(); 0 while it is empty. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** A handle has ended. */
  noteStart(): void {
    if (this.#startedAt === 0 && !this.isEmpty) this.#startedAt = performance.now();
  }

  /** @param block of no transaction yet */
  join(block: CachedBlock): void {
    block.transaction = this.#id;
    this.#blocks.push(block);
  }

  /** Takes a block out again. */
  leave(block: CachedBlock): void {
    if (block.transaction === 0) return;
    block.transaction = 0;
    // What an undo or a freeing takes out joined lately.
    const index = this.#blocks.lastIndexOf(block);
    const last = this.#blocks.pop() as CachedBlock;
    if (index < this.#blocks.length) this.#blocks[index] = last;
  }

  /** Its commit has begun, and has the array of its blocks: what is changed from here on belongs to the next. */
  startNext(): void {
    for (const block of this.#blocks) block.transaction = 0;
    this.#blocks = [];
    this.revoked.clear();
    this.changesMoreThanTimes = false;
    this.#startedAt = 0;
    this.#id = (this.#id + 1) >>> 0 || 1;
  }
}
