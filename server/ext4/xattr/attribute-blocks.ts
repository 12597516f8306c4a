import { Verified, type BlockCache, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { Inode } from '../inode.js';
import type { Sealer } from '../journal/seal.js';
import type { Superblock } from '../layout/superblock.js';
import * as layout from '../layout/xattr.js';
import { physicalBlock } from '../units.js';
import { verifyEntries, type EntryList } from './entries.js';

/** A block of attributes belongs to every inode that points at it, and its checks involve none of them. */
export const SHARED = 0;

export interface AttributeBlocksParts {
  readonly superblock: Superblock;
  readonly geometry: Geometry;
  readonly cache: BlockCache;
}

/** Blocks of attributes, checked once per load. */
export class AttributeBlocks {
  readonly #superblock: Superblock;
  readonly #geometry: Geometry;
  readonly #cache: BlockCache;
  readonly #checksums: boolean;

  constructor({ superblock, geometry, cache }: AttributeBlocksParts) {
    this.#superblock = superblock;
    this.#geometry = geometry;
    this.#cache = cache;
    this.#checksums = superblock.features.hasRoCompat('METADATA_CSUM');
  }

  /**
   * Sets `list` to the entries in the inode's block.
   * @returns undefined where the inode has none
   * @throws CorruptionError
   */
  locate(inode: Inode, list: EntryList): CachedBlock | undefined {
    const number = inode.xattrBlock;
    return number === 0 ? undefined : this.load(number, list);
  }

  /** @throws CorruptionError where the block is no block of attributes */
  load(number: number, list: EntryList): CachedBlock {
    if (!this.#geometry.containsBlocks(number, 1)) {
      throw new CorruptionError('extended attribute', { block: number }, 'the block lies outside the filesystem');
    }
    const block = this.#cache.get(physicalBlock(number));
    list.set(block.view, block.bytes, 0, layout.BLOCK_HEADER_SIZE, block.bytes.length);
    if (!block.isVerified(Verified.XattrBlock, SHARED)) {
      this.#verify(block, list);
      block.markVerified(Verified.XattrBlock, SHARED);
    }
    return block;
  }

  /** Makes the checksum of a block that was changed. */
  readonly seal: Sealer = ({ view, bytes, number }) => {
    if (this.#checksums) layout.setChecksum(view, layout.computeChecksum(this.#superblock.checksumSeed, number, bytes));
  };

  #verify({ view, bytes, number }: CachedBlock, list: EntryList): void {
    const place = { block: number };
    if (layout.magic(view, 0) !== layout.XATTR_MAGIC || layout.blockCount(view) !== 1) {
      throw new CorruptionError('extended attribute', place, 'the block has no valid header');
    }
    if (this.#checksums) {
      const stored = layout.storedChecksum(view);
      const computed = layout.computeChecksum(this.#superblock.checksumSeed, number, bytes);
      if (stored !== computed) {
        throw new CorruptionError('extended attribute', place, `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}`);
      }
    }
    verifyEntries(list, this.#superblock, place);
  }
}
