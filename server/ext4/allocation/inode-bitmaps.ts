import { Verified, type BlockCache, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError } from '../errors.js';
import type { Groups } from '../groups.js';
import type { Transactions } from '../journal/transactions.js';
import { crc32c } from '../layout/crc32c.js';
import * as layout from '../layout/group-descriptor.js';
import type { Superblock } from '../layout/superblock.js';
import { physicalBlock, type GroupNumber } from '../units.js';
import { bitmapWords, nextSet, setBits } from './bitmap.js';
import type { GroupCounters } from './group-counters.js';

/** Inode bitmaps of groups: checked when loaded, made up where no inode was ever used (INODE_UNINIT). */
export class InodeBitmaps {
  readonly #superblock: Superblock;
  readonly #groups: Groups;
  readonly #cache: BlockCache;
  readonly #transactions: Transactions;
  readonly #counters: GroupCounters;
  readonly #hasFlags: boolean;

  constructor(superblock: Superblock, groups: Groups, cache: BlockCache, transactions: Transactions, counters: GroupCounters) {
    this.#superblock = superblock;
    this.#groups = groups;
    this.#cache = cache;
    this.#transactions = transactions;
    this.#counters = counters;
    this.#hasFlags = superblock.features.hasRoCompat('METADATA_CSUM') || superblock.features.hasRoCompat('GDT_CSUM');
  }

  /**
   * The group's bitmap to look at; undefined while no inode of the group was ever used.
   * @throws CorruptionError
   */
  peek(group: GroupNumber): Uint32Array | undefined {
    const { block, offset } = this.#groups.descriptor(group);
    return this.#isUninitialised(block.view, offset) ? undefined : bitmapWords(this.#load(group).bytes);
  }

  /** The group's bitmap as part of the transaction. */
  modify(group: GroupNumber): Uint32Array {
    const { block: descriptors, offset } = this.#groups.descriptor(group);
    const { view } = descriptors;
    if (!this.#isUninitialised(view, offset)) {
      const block = this.#load(group);
      this.#transactions.modify(block, Verified.InodeBitmap, 0);
      return bitmapWords(block.bytes);
    }
    const number = physicalBlock(layout.inodeBitmapBlock(view, offset, this.#superblock.descriptorSize));
    const block = this.#transactions.create(number, Verified.InodeBitmap, 0, group);
    const words = bitmapWords(block.bytes);
    const { inodesPerGroup } = this.#superblock;
    if (inodesPerGroup < words.length * 32) setBits(words, inodesPerGroup, words.length * 32);
    this.#counters.modify(group);
    layout.setGroupFlags(view, offset, layout.groupFlags(view, offset) & ~layout.GroupFlags.INODE_UNINIT);
    return words;
  }

  /**
   * Notes that inode `index` of the group is in use: inodes past the highest one ever used are not
   * looked at by a check of the filesystem, nor need their table blocks ever have been written.
   * @returns whether every inode in [from, to), the table block's, was unused before
   */
  markUsed(group: GroupNumber, index: number, from: number, to: number): boolean {
    const words = this.modify(group);
    const fresh = nextSet(words, from, Math.min(to, this.#superblock.inodesPerGroup)) === Math.min(to, this.#superblock.inodesPerGroup);
    setBits(words, index, index + 1);
    if (this.#hasFlags) {
      const size = this.#superblock.descriptorSize;
      const { block, offset } = this.#counters.modify(group);
      const unused = layout.unusedInodes(block.view, offset, size);
      const most = this.#superblock.inodesPerGroup - index - 1;
      if (unused > most) layout.setUnusedInodes(block.view, offset, size, most);
    }
    return fresh;
  }

  #isUninitialised(view: DataView, offset: number): boolean {
    return this.#hasFlags && (layout.groupFlags(view, offset) & layout.GroupFlags.INODE_UNINIT) !== 0;
  }

  #load(group: GroupNumber): CachedBlock {
    const { features, checksumSeed, inodesPerGroup, descriptorSize: size } = this.#superblock;
    const { block: descriptors, offset } = this.#groups.descriptor(group);
    const number = layout.inodeBitmapBlock(descriptors.view, offset, size);
    const block = this.#cache.get(physicalBlock(number));
    if (block.isVerified(Verified.InodeBitmap, group)) return block;
    if (features.hasRoCompat('METADATA_CSUM') && block.transaction === 0) {
      const stored = layout.inodeBitmapChecksum(descriptors.view, offset, size);
      const computed = layout.truncateBitmapChecksum(size, crc32c(checksumSeed, block.bytes, 0, inodesPerGroup >>> 3));
      if (stored !== computed) {
        throw new CorruptionError('inode bitmap', { group, block: number }, `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}`);
      }
    }
    block.markVerified(Verified.InodeBitmap, group);
    return block;
  }
}
