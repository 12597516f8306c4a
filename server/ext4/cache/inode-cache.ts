import { CorruptionError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { Groups } from '../groups.js';
import { Inode } from '../inode.js';
import type { Superblock } from '../layout/superblock.js';
import { physicalBlock, type InodeNumber } from '../units.js';
import type { BlockCache } from './block-cache.js';

/**
 * Inode objects by number. They hold no contents, only where the contents are and that they were
 * verified, so that a warm request costs two map look-ups and no parsing.
 */
export class InodeCache {
  readonly #superblock: Superblock;
  readonly #geometry: Geometry;
  readonly #groups: Groups;
  readonly #blocks: BlockCache;
  readonly #capacity: number;
  readonly #inodes = new Map<InodeNumber, Inode>();

  /** @param capacity objects to keep at most between operations */
  constructor(superblock: Superblock, geometry: Geometry, groups: Groups, blocks: BlockCache, capacity: number) {
    this.#superblock = superblock;
    this.#geometry = geometry;
    this.#groups = groups;
    this.#blocks = blocks;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#inodes.size;
  }

  /**
   * @param number any number from disk or from the kernel
   * @throws CorruptionError where there is no such inode, or it fails its checks
   */
  get(number: InodeNumber): Inode {
    const known = this.#inodes.get(number);
    if (known !== undefined) {
      const block = this.#blocks.peek(known.block.number);
      if (block === known.block && block.load === known.load) {
        block.referenced = true;
        return known;
      }
    }
    return this.#load(number);
  }

  /** Forgets down to capacity, oldest first; call it where the block cache is trimmed. */
  trim(): void {
    if (this.#inodes.size <= this.#capacity) return;
    let excess = this.#inodes.size - this.#capacity;
    for (const number of this.#inodes.keys()) {
      if (excess-- <= 0) break;
      this.#inodes.delete(number);
    }
  }

  /** An inode that is about to be filled in: what its place holds now is not looked at. */
  claim(number: InodeNumber): Inode {
    const inode = this.#locate(number);
    inode.bind();
    inode.load = inode.block.load;
    this.#inodes.set(number, inode);
    return inode;
  }

  #load(number: InodeNumber): Inode {
    const inode = this.#locate(number);
    inode.verify();
    inode.load = inode.block.load;
    this.#inodes.set(number, inode);
    return inode;
  }

  #locate(number: InodeNumber): Inode {
    const { inodesCount, inodesPerGroup, inodeSize, blockSize } = this.#superblock;
    if (!(number >= 1 && number <= inodesCount)) {
      throw new CorruptionError('inode', { inode: number }, `there is no such inode, the last is ${inodesCount}`);
    }
    const position = ((number - 1) % inodesPerGroup) * inodeSize;
    const table = this.#groups.inodeTable(this.#geometry.groupOfInode(number));
    const block = this.#blocks.get(physicalBlock(table + Math.floor(position / blockSize)));
    const inode = new Inode(number, this.#superblock, block);
    inode.offset = position % blockSize;
    return inode;
  }
}
