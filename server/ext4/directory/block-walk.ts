import type { CachedBlock } from '../cache/block-cache.js';
import type { Inode } from '../inode.js';
import { MappedRange, RangeState } from '../mapping/mapping.js';
import type { DirectoryBlocks } from './blocks.js';

/**
 * Visits the blocks of a directory in the order of the file. Holes are skipped a run at a time, so
 * that an absurd i_size costs no more than the mapping that is there.
 */
export class BlockWalk {
  /** Block that `next` gave last. */
  logical = 0;
  readonly #blocks: DirectoryBlocks;
  readonly #range = new MappedRange();
  #count = 0;
  #following = 0;
  #walked = 0;

  constructor(blocks: DirectoryBlocks) {
    this.#blocks = blocks;
  }

  begin(dir: Inode, logical: number): void {
    this.#count = this.#blocks.count(dir);
    this.#following = logical;
    this.#walked = 0;
    this.#range.length = 0;
  }

  /** The next block that is there, undefined at the end. Invalidates the one before: the block cache may shrink. */
  next(dir: Inode): CachedBlock | undefined {
    const range = this.#range;
    while (this.#following < this.#count) {
      const index = this.#following - range.logical;
      if (index < 0 || index >= range.length) {
        this.#blocks.map(dir, this.#following, range);
      } else if (range.state === RangeState.Hole) {
        this.#following = range.logical + range.length;
      } else {
        this.#blocks.trimAfter(dir, ++this.#walked);
        this.logical = this.#following++;
        return this.#blocks.inRange(range, index);
      }
    }
    return undefined;
  }
}
