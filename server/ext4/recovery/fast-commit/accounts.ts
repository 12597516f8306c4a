import { clearBits, countClear, setBits, testBit } from '../../allocation/bitmap.js';
import { BlockBitmaps } from '../../allocation/block-bitmaps.js';
import { GroupCounters } from '../../allocation/group-counters.js';
import { InodeBitmaps } from '../../allocation/inode-bitmaps.js';
import { Verified, type CachedBlock } from '../../cache/block-cache.js';
import { CorruptionError } from '../../errors.js';
import type { Inode } from '../../inode.js';
import type { InodeEditor } from '../../inode-editor.js';
import type { JournalRun } from '../../journal/internal-source.js';
import type { Transactions } from '../../journal/transactions.js';
import * as descriptor from '../../layout/group-descriptor.js';
import { SuperblockFields } from '../../layout/superblock-fields.js';
import { groupNumber, inodeNumber, physicalBlock, type InodeNumber } from '../../units.js';
import type { CommittedFilesystem } from './committed-filesystem.js';
import { clustersIn, OwnedSpace, type OwnedRange } from './owned-space.js';

const SECTOR_SIZE = 512;

/** What must be known of a filesystem beyond its files, to write it. */
export interface AccountedFilesystem {
  /** Blocks of the filesystem that the journal occupies. */
  readonly journal: readonly JournalRun[];
  /** Of the superblock in use, in bytes. */
  readonly superblockLocation: number;
}

interface Before {
  readonly inUse: boolean;
  readonly isDirectory: boolean;
  readonly owned: readonly OwnedRange[];
}

/**
 * Fast commits say what became of files. What follows from that for the bitmaps, the counters and the
 * orphan list is found by comparing the inodes that the records name before and after the replay: what
 * they owned together, and own now. An inode that lost its last name keeps what it has and goes on the
 * orphan list, from which the mount frees it like any other.
 */
export class ReplayAccounts {
  readonly #filesystem: CommittedFilesystem;
  readonly #transactions: Transactions;
  readonly #editor: InodeEditor;
  readonly #counters: GroupCounters;
  readonly #blockBitmaps: BlockBitmaps;
  readonly #inodeBitmaps: InodeBitmaps;
  readonly #owned: OwnedSpace;
  readonly #superblockLocation: number;
  readonly #before = new Map<InodeNumber, Before>();
  readonly #orphans: readonly number[];

  /** @param named the inodes of the records, as the last full commit left them */
  constructor(filesystem: CommittedFilesystem, transactions: Transactions, editor: InodeEditor, { journal, superblockLocation }: AccountedFilesystem, named: ReadonlySet<number>) {
    const { superblock, geometry, groups, cache, mapping } = filesystem;
    this.#filesystem = filesystem;
    this.#transactions = transactions;
    this.#editor = editor;
    this.#superblockLocation = superblockLocation;
    this.#counters = new GroupCounters(superblock, geometry, groups, cache, transactions, (zones) => {
      for (const { physical, length } of journal) zones.add(physical, length);
    });
    this.#blockBitmaps = new BlockBitmaps(superblock, geometry, groups, cache, transactions, this.#counters);
    this.#inodeBitmaps = new InodeBitmaps(superblock, groups, cache, transactions, this.#counters);
    this.#owned = new OwnedSpace(geometry, mapping, superblock.clustersPerGroup);
    this.#orphans = this.#readOrphans();
    for (const number of named) this.#note(inodeNumber(number));
  }

  /** @param put inodes that a record made what they are now */
  settle(put: ReadonlySet<number>): void {
    const numbers = [...this.#before.keys()].sort((a, b) => a - b);
    const kept = numbers.filter((number) => (put.has(number) || this.#before.get(number)?.inUse) && this.#filesystem.inodes.get(number).mode !== 0);
    this.#settleSpace(kept);
    for (const number of kept) this.#inHandle(() => this.#claim(number));
    this.#inHandle(() => this.#settleOrphans(kept));
  }

  #note(number: InodeNumber): void {
    const { inodes, superblock } = this.#filesystem;
    if (number < 1 || number > superblock.inodesCount) throw new CorruptionError('fast commit block', { inode: number }, 'there is no such inode');
    const inUse = this.#isMarked(number);
    const inode = inUse ? inodes.get(number) : undefined;
    this.#before.set(number, {
      inUse,
      isDirectory: inode?.isDirectory ?? false,
      owned: inode === undefined ? [] : this.#owned.of(inode),
    });
    this.#filesystem.trim();
  }

  /** Takes away what files had, and gives what they have: what is in both stays. */
  #settleSpace(kept: readonly InodeNumber[]): void {
    const after = kept.map((number) => this.#ownedNow(number));
    for (const { owned } of this.#before.values()) this.#mark(owned, false);
    for (const owned of after) this.#mark(owned, true);
  }

  #ownedNow(number: InodeNumber): OwnedRange[] {
    const inode = this.#filesystem.inodes.get(number);
    const owned = this.#owned.of(inode);
    if (inode.hasFlag('EXTENTS') && !inode.hasFlag('INLINE_DATA')) this.#inHandle(() => this.#setBlocks(inode, owned));
    return owned;
  }

  /** The tree has other nodes than the one that the kernel had. */
  #setBlocks(inode: Inode, owned: readonly OwnedRange[]): void {
    const ratio = this.#filesystem.geometry.clusterRatio;
    const wanted = clustersIn(owned) * ratio + (inode.xattrBlock === 0 ? 0 : ratio);
    const known = Math.floor(inode.sectors / (this.#filesystem.superblock.blockSize / SECTOR_SIZE));
    if (wanted !== known) this.#editor.addBlocks(inode, wanted - known);
  }

  #mark(owned: readonly OwnedRange[], inUse: boolean): void {
    const { geometry } = this.#filesystem;
    for (const { group: number, from, to } of owned) {
      const group = groupNumber(number);
      const start = geometry.groupFirstBlock(group) + from * geometry.clusterRatio;
      const length = Math.min((to - from) * geometry.clusterRatio, geometry.blocksCount - start);
      if (!this.#counters.zones.isFileSpace(start, length)) throw new CorruptionError('fast commit block', { block: start }, 'a file would own blocks of the filesystem itself');
      this.#inHandle(() => {
        const words = this.#blockBitmaps.modify(group);
        const clear = countClear(words, from, to);
        if (inUse) setBits(words, from, to);
        else clearBits(words, from, to);
        this.#counters.addFreeClusters(group, inUse ? -clear : to - from - clear);
      });
    }
  }

  #claim(number: InodeNumber): void {
    const before = this.#before.get(number);
    const { geometry, inodes, superblock } = this.#filesystem;
    const group = geometry.groupOfInode(number);
    const { isDirectory } = inodes.get(number);
    const directories = Number(isDirectory) - Number(before?.inUse === true && before.isDirectory);
    if (before?.inUse === true) {
      if (directories !== 0) this.#counters.addFreeInodes(group, 0, directories);
      return;
    }
    const index = (number - 1) % superblock.inodesPerGroup;
    this.#blankBelow(number, index);
    this.#inodeBitmaps.markUsed(group, index, index, index + 1);
    this.#counters.addFreeInodes(group, -1, directories);
  }

  /** Inodes below one in use must have been written once; in a group that nobody initialised yet they may hold anything. */
  #blankBelow(number: InodeNumber, index: number): void {
    const { geometry, groups, cache, superblock } = this.#filesystem;
    const { inodesPerGroup, inodeSize, blockSize, descriptorSize, features } = superblock;
    if (!features.hasRoCompat('METADATA_CSUM') && !features.hasRoCompat('GDT_CSUM')) return;
    const group = geometry.groupOfInode(number);
    const { block: descriptors, offset } = groups.descriptor(group);
    if ((descriptor.groupFlags(descriptors.view, offset) & descriptor.GroupFlags.INODE_ZEROED) !== 0) return;
    const table = groups.inodeTable(group);
    for (let blank = inodesPerGroup - descriptor.unusedInodes(descriptors.view, offset, descriptorSize); blank < index; blank++) {
      const position = blank * inodeSize;
      const block = cache.get(physicalBlock(table + Math.floor(position / blockSize)));
      this.#transactions.modify(block, Verified.InodeTable, 0);
      block.bytes.fill(0, position % blockSize, (position % blockSize) + inodeSize);
    }
  }

  /** The list as it was, with what lost its last name; links that fast commits brought along mean nothing. */
  #settleOrphans(kept: readonly InodeNumber[]): void {
    const { inodes } = this.#filesystem;
    const nameless = kept.filter((number) => inodes.get(number).links === 0);
    const orphans = [...new Set([...this.#orphans, ...nameless])];
    for (const number of kept) if (inodes.get(number).deletionTime !== 0) this.#editor.setDeletionTime(inodes.get(number), 0);
    let next = 0;
    for (const number of orphans) {
      this.#editor.setDeletionTime(inodes.get(inodeNumber(number)), next);
      next = number;
    }
    const block = this.#superblockBlock();
    this.#transactions.modify(block, Verified.Superblock, 0);
    block.view.setUint32(this.#fieldOfSuperblock(SuperblockFields.lastOrphan), next, true);
  }

  #readOrphans(): number[] {
    const { inodes, superblock } = this.#filesystem;
    const found = new Set<number>();
    let next = this.#superblockBlock().view.getUint32(this.#fieldOfSuperblock(SuperblockFields.lastOrphan), true);
    while (next !== 0) {
      if (next > superblock.inodesCount || found.has(next)) throw new CorruptionError('orphan list', { inode: next }, 'the list leads nowhere, or round in circles');
      found.add(next);
      next = inodes.get(inodeNumber(next)).deletionTime;
    }
    return [...found].reverse();
  }

  #superblockBlock(): CachedBlock {
    const { cache, superblock } = this.#filesystem;
    return cache.get(physicalBlock(Math.floor(this.#superblockLocation / superblock.blockSize)));
  }

  #fieldOfSuperblock(field: number): number {
    return (this.#superblockLocation % this.#filesystem.superblock.blockSize) + field;
  }

  #isMarked(number: InodeNumber): boolean {
    const { geometry, superblock } = this.#filesystem;
    const words = this.#inodeBitmaps.peek(geometry.groupOfInode(number));
    return words !== undefined && testBit(words, (number - 1) % superblock.inodesPerGroup);
  }

  #inHandle(change: () => void): void {
    this.#transactions.begin();
    change();
    this.#transactions.end();
  }
}
