import { Verified, type BlockCache, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { Groups } from '../groups.js';
import type { Transactions } from '../journal/transactions.js';
import { crc32c } from '../layout/crc32c.js';
import * as layout from '../layout/group-descriptor.js';
import type { Superblock } from '../layout/superblock.js';
import { physicalBlock, type GroupNumber } from '../units.js';
import { bitmapWords, nextClear, setBits } from './bitmap.js';
import type { GroupCounters } from './group-counters.js';

/** Block bitmaps of groups: checked when loaded, made up where the group was never used (BLOCK_UNINIT). */
export class BlockBitmaps {
  readonly #superblock: Superblock;
  readonly #geometry: Geometry;
  readonly #groups: Groups;
  readonly #cache: BlockCache;
  readonly #transactions: Transactions;
  readonly #counters: GroupCounters;

  constructor(superblock: Superblock, geometry: Geometry, groups: Groups, cache: BlockCache, transactions: Transactions, counters: GroupCounters) {
    this.#superblock = superblock;
    this.#geometry = geometry;
    this.#groups = groups;
    this.#cache = cache;
    this.#transactions = transactions;
    this.#counters = counters;
  }

  /** Clusters that exist in the group. */
  clustersIn(group: GroupNumber): number {
    return Math.ceil(this.#geometry.groupBlocks(group) / this.#geometry.clusterRatio);
  }

  /**
   * Copies the group's bitmap into `target`, which has room for a whole block.
   * @throws CorruptionError for a wrong checksum, or where the group's own structures count as free
   */
  copyTo(group: GroupNumber, target: Uint32Array): void {
    const { block, offset } = this.#groups.descriptor(group);
    if (this.#isUninitialised(block.view, offset)) {
      this.#makeUp(group, target);
      return;
    }
    target.set(bitmapWords(this.#load(group).bytes));
  }

  /** The group's bitmap as part of the transaction. */
  modify(group: GroupNumber): Uint32Array {
    const { block: descriptors, offset } = this.#groups.descriptor(group);
    const { view } = descriptors;
    if (!this.#isUninitialised(view, offset)) {
      const block = this.#load(group);
      this.#transactions.modify(block, Verified.BlockBitmap, 0);
      return bitmapWords(block.bytes);
    }
    const number = physicalBlock(layout.blockBitmapBlock(view, offset, this.#superblock.descriptorSize));
    const block = this.#transactions.create(number, Verified.BlockBitmap, 0, group);
    const words = bitmapWords(block.bytes);
    this.#makeUp(group, words);
    this.#counters.modify(group);
    layout.setGroupFlags(view, offset, layout.groupFlags(view, offset) & ~layout.GroupFlags.BLOCK_UNINIT);
    return words;
  }

  #isUninitialised(view: DataView, offset: number): boolean {
    const { features } = this.#superblock;
    const hasFlags = features.hasRoCompat('METADATA_CSUM') || features.hasRoCompat('GDT_CSUM');
    return hasFlags && (layout.groupFlags(view, offset) & layout.GroupFlags.BLOCK_UNINIT) !== 0;
  }

  #load(group: GroupNumber): CachedBlock {
    const { features, checksumSeed, clustersPerGroup, descriptorSize: size } = this.#superblock;
    const { block: descriptors, offset } = this.#groups.descriptor(group);
    const number = layout.blockBitmapBlock(descriptors.view, offset, size);
    const block = this.#cache.get(physicalBlock(number));
    if (block.isVerified(Verified.BlockBitmap, group)) return block;
    if (features.hasRoCompat('METADATA_CSUM') && block.transaction === 0) {
      const stored = layout.blockBitmapChecksum(descriptors.view, offset, size);
      const computed = layout.truncateBitmapChecksum(size, crc32c(checksumSeed, block.bytes, 0, clustersPerGroup >>> 3));
      if (stored !== computed) {
        throw new CorruptionError('block bitmap', { group, block: number }, `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}`);
      }
    }
    const words = bitmapWords(block.bytes);
    this.#systemClusters(group, (from, to) => {
      if (nextClear(words, from, to) < to) {
        throw new CorruptionError('block bitmap', { group, block: number }, `clusters ${from}..${to - 1} belong to the filesystem itself, but count as free`);
      }
    });
    block.markVerified(Verified.BlockBitmap, group);
    return block;
  }

  /** What a bitmap says before anything was allocated: the group's own structures, and what lies past its end. */
  #makeUp(group: GroupNumber, words: Uint32Array): void {
    words.fill(0);
    this.#systemClusters(group, (from, to) => {
      setBits(words, from, to);
    });
    const clusters = this.clustersIn(group);
    if (clusters < words.length * 32) setBits(words, clusters, words.length * 32);
  }

  #systemClusters(group: GroupNumber, visit: (from: number, to: number) => void): void {
    const first = this.#geometry.groupFirstBlock(group);
    const ratio = this.#geometry.clusterRatio;
    this.#counters.zones.within(first, first + this.#geometry.groupBlocks(group), (start, end) => {
      visit(Math.floor((start - first) / ratio), Math.ceil((end - first) / ratio));
    });
  }
}
