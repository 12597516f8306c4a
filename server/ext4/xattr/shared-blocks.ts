import type { CachedBlock } from '../cache/block-cache.js';
import type { TransactionListener } from '../journal/transaction-listener.js';
import * as layout from '../layout/xattr.js';
import type { AttributeBlocks } from './attribute-blocks.js';
import { EntryList } from './entries.js';
import { sameAttributes } from './entry-editor.js';

const CAPACITY = 16384;

/**
 * Blocks of attributes that were met lately, by their hash, so that inodes with the same attributes
 * share one. It holds only blocks that are in use: one that is freed is taken out, and an operation
 * that is undone empties it, since what it put in may not exist.
 */
export class SharedBlocks implements TransactionListener {
  readonly #blocks: AttributeBlocks;
  readonly #numbers = new Map<number, number>();
  readonly #list = new EntryList();

  constructor(blocks: AttributeBlocks) {
    this.#blocks = blocks;
  }

  undone(): void {
    this.#numbers.clear();
  }

  /** Offers a block to inodes with the same attributes; the last one offered is the one found. */
  offer({ view, number }: CachedBlock): void {
    const hash = layout.blockHash(view);
    if (hash === 0 || layout.blockReferences(view) >= layout.MAX_BLOCK_REFERENCES) return;
    this.#numbers.delete(hash);
    this.#numbers.set(hash, number);
    if (this.#numbers.size > CAPACITY) this.#numbers.delete(this.#numbers.keys().next().value as number);
  }

  /** Call it before a block changes or is freed. */
  withdraw({ view, number }: CachedBlock): void {
    const hash = layout.blockHash(view);
    if (this.#numbers.get(hash) === number) this.#numbers.delete(hash);
  }

  /** A block with the attributes of `list`, which is a block's list with its hash made, and room for one more inode. */
  find(list: EntryList): CachedBlock | undefined {
    const hash = layout.blockHash(list.view);
    const number = hash === 0 ? undefined : this.#numbers.get(hash);
    if (number === undefined) return undefined;
    const block = this.#blocks.load(number, this.#list);
    if (layout.blockReferences(block.view) >= layout.MAX_BLOCK_REFERENCES) return undefined;
    return sameAttributes(list, this.#list) ? block : undefined;
  }
}
