import { CorruptionError, errno, OperationError, type FilesystemError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { Inode } from '../inode.js';
import type { TransactionListener } from '../journal/transaction-listener.js';
import type { Transactions } from '../journal/transactions.js';
import type { Superblock } from '../layout/superblock.js';
import { groupNumber, inodeNumber, ROOT_INODE, type GroupNumber, type InodeNumber } from '../units.js';
import { clearBits, nextClear, setBits, testBit } from './bitmap.js';
import type { GroupCounters } from './group-counters.js';
import { GroupIndex } from './group-index.js';
import type { InodeBitmaps } from './inode-bitmaps.js';

/** Groups looked at for a directory's place before the best of them is taken. */
const GROUPS_TRIED = 16;
/** Knuth's multiplicative constant: spreads consecutive directories over the groups. */
const SPREAD = 0x9e3779b1;

export interface AllocatedInode {
  readonly number: InodeNumber;
  /** No other inode of its table block was in use: what the block holds on the device means nothing. */
  readonly freshBlock: boolean;
}

/**
 * Hands out inodes. A file goes into its directory's group, so that a walk reads few table blocks; a
 * directory near its parent while there is room, one below the root (or with the topdir flag) into a
 * group with more free inodes and clusters than the average, so that trees do not crowd each other.
 */
export class InodeAllocator implements TransactionListener {
  readonly #superblock: Superblock;
  readonly #geometry: Geometry;
  readonly #bitmaps: InodeBitmaps;
  readonly #counters: GroupCounters;
  readonly #index: GroupIndex;
  readonly #report: (problem: FilesystemError) => void;
  /** Where the last search in each group ended: nothing below it is free. */
  readonly #searchFrom: Uint32Array;
  readonly #touched = new Set<GroupNumber>();
  #spread = 0;

  constructor(superblock: Superblock, geometry: Geometry, transactions: Transactions, bitmaps: InodeBitmaps, counters: GroupCounters, report: (problem: FilesystemError) => void) {
    this.#superblock = superblock;
    this.#geometry = geometry;
    this.#bitmaps = bitmaps;
    this.#counters = counters;
    this.#report = report;
    this.#index = new GroupIndex(geometry.groupCount);
    this.#searchFrom = new Uint32Array(geometry.groupCount);
    transactions.listen(this);
  }

  /** @throws OperationError ENOSPC */
  allocate(parent: Inode, directory: boolean): AllocatedInode {
    const parentGroup = this.#geometry.groupOfInode(parent.number);
    const start = directory ? this.#groupForDirectory(parent, parentGroup) : parentGroup;
    const { groupCount } = this.#geometry;
    let group: number = start;
    let distance = -1;
    for (;;) {
      group = this.#index.next(group);
      const before = distance;
      distance = (group - start + groupCount) % groupCount;
      if (group < 0 || distance <= before) throw new OperationError(errno.ENOSPC, 'no inode is free');
      const taken = this.#takeFrom(groupNumber(group), directory);
      if (taken !== undefined) return taken;
      this.#index.set(group, false);
      group = (group + 1) % groupCount;
    }
  }

  /** @throws CorruptionError where it is free already */
  free(number: InodeNumber, directory: boolean): void {
    const group = this.#geometry.groupOfInode(number);
    const index = (number - 1) % this.#superblock.inodesPerGroup;
    const words = this.#bitmaps.modify(group);
    if (number < this.#superblock.firstInode || !testBit(words, index)) {
      throw new CorruptionError('inode bitmap', { group, inode: number }, 'an inode is freed that is reserved or free already');
    }
    clearBits(words, index, index + 1);
    this.#counters.addFreeInodes(group, 1, directory ? -1 : 0);
    this.#touched.add(group);
    this.#searchFrom[group] = Math.min(this.#searchFrom[group] as number, index);
    this.#index.set(group, true);
  }

  /** Marks a given inode as used whatever it was: for replaying fast commits. */
  claim(number: InodeNumber, directory: boolean): void {
    const group = this.#geometry.groupOfInode(number);
    const index = (number - 1) % this.#superblock.inodesPerGroup;
    const words = this.#bitmaps.modify(group);
    if (testBit(words, index)) return;
    setBits(words, index, index + 1);
    this.#counters.addFreeInodes(group, -1, directory ? 1 : 0);
  }

  ending(): void {
    this.#touched.clear();
  }

  undone(): void {
    for (const group of this.#touched) {
      this.#searchFrom[group] = 0;
      this.#index.set(group, true);
    }
    this.#touched.clear();
  }

  #takeFrom(group: GroupNumber, directory: boolean): AllocatedInode | undefined {
    const { inodesPerGroup, firstInode, inodeSize, blockSize } = this.#superblock;
    try {
      const words = this.#bitmaps.peek(group);
      const from = Math.max(this.#searchFrom[group] as number, group === 0 ? firstInode - 1 : 0);
      const index = words === undefined ? from : nextClear(words, from, inodesPerGroup);
      if (index >= inodesPerGroup) return undefined;
      const perBlock = blockSize / inodeSize;
      const blockStart = index - (index % perBlock);
      const freshBlock = this.#bitmaps.markUsed(group, index, blockStart, blockStart + perBlock);
      this.#counters.addFreeInodes(group, -1, directory ? 1 : 0);
      this.#touched.add(group);
      this.#searchFrom[group] = index + 1;
      return { number: inodeNumber(group * inodesPerGroup + index + 1), freshBlock };
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#report(error);
      return undefined;
    }
  }

  #groupForDirectory(parent: Inode, parentGroup: GroupNumber): GroupNumber {
    const { groupCount } = this.#geometry;
    if (parent.number !== ROOT_INODE && !parent.hasFlag('TOPDIR')) return parentGroup;
    const { totals } = this.#counters;
    const averageClusters = totals.freeClusters / groupCount;
    this.#spread = (this.#spread + SPREAD) >>> 0;
    const start = this.#spread % groupCount;
    let best = groupNumber(start);
    let bestFree = -1;
    for (let tried = 0, group = start; tried < Math.min(GROUPS_TRIED, groupCount); tried++, group = (group + 1) % groupCount) {
      const free = this.#counters.freeClusters(groupNumber(group));
      if (free >= averageClusters) return groupNumber(group);
      if (free > bestFree) {
        best = groupNumber(group);
        bestFree = free;
      }
    }
    return best;
  }
}
