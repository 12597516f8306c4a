import { Verified } from '../cache/block-cache.js';
import { CorruptionError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { GroupDescriptor, Groups } from '../groups.js';
import type { TransactionListener } from '../journal/transaction-listener.js';
import type { Transactions } from '../journal/transactions.js';
import { crc32c } from '../layout/crc32c.js';
import * as layout from '../layout/group-descriptor.js';
import type { Superblock } from '../layout/superblock.js';
import { groupNumber, physicalBlock, type GroupNumber } from '../units.js';
import type { BlockCache } from '../cache/block-cache.js';
import { SystemZonesBuilder, type SystemZones } from './system-zones.js';

/** Sums over all groups. */
export interface SpaceTotals {
  freeClusters: number;
  freeInodes: number;
  directories: number;
}

/**
 * The counters, flags and checksums in group descriptors, and their sums. The descriptors are
 * changed with every allocation; the checksums that they hold, of themselves and of the bitmaps,
 * are made once per commit.
 */
export class GroupCounters implements TransactionListener {
  readonly totals: SpaceTotals = { freeClusters: 0, freeInodes: 0, directories: 0 };
  readonly zones: SystemZones;
  readonly #superblock: Superblock;
  readonly #geometry: Geometry;
  readonly #groups: Groups;
  readonly #cache: BlockCache;
  readonly #transactions: Transactions;
  readonly #touched = new Set<GroupNumber>();
  /** What the totals were when the handle was opened. */
  readonly #before: SpaceTotals = { freeClusters: 0, freeInodes: 0, directories: 0 };

  /**
   * Reads every descriptor.
   * @param extraZones further blocks that no file may own: the journal's
   * @throws CorruptionError where one points outside the filesystem or counts more than there can be
   */
  constructor(superblock: Superblock, geometry: Geometry, groups: Groups, cache: BlockCache, transactions: Transactions, extraZones: (builder: SystemZonesBuilder) => void) {
    this.#superblock = superblock;
    this.#geometry = geometry;
    this.#groups = groups;
    this.#cache = cache;
    this.#transactions = transactions;
    const builder = new SystemZonesBuilder();
    this.#readAll(builder);
    extraZones(builder);
    this.zones = builder.build(geometry);
    Object.assign(this.#before, this.totals);
    transactions.listen(this);
  }

  /** The group's descriptor as part of the transaction; change it through `view` at `offset`. */
  modify(group: GroupNumber): GroupDescriptor {
    const descriptor = this.#groups.descriptor(group);
    this.#transactions.modify(descriptor.block, Verified.GroupDescriptors, 0);
    this.#touched.add(group);
    return descriptor;
  }

  freeClusters(group: GroupNumber): number {
    const { block, offset } = this.#groups.descriptor(group);
    return layout.freeClusters(block.view, offset, this.#superblock.descriptorSize);
  }

  addFreeClusters(group: GroupNumber, count: number): void {
    const { block, offset } = this.modify(group);
    const size = this.#superblock.descriptorSize;
    layout.setFreeClusters(block.view, offset, size, layout.freeClusters(block.view, offset, size) + count);
    this.totals.freeClusters += count;
  }

  addFreeInodes(group: GroupNumber, inodes: number, directories: number): void {
    const { block, offset } = this.modify(group);
    const size = this.#superblock.descriptorSize;
    layout.setFreeInodes(block.view, offset, size, layout.freeInodes(block.view, offset, size) + inodes);
    layout.setUsedDirectories(block.view, offset, size, Math.max(0, layout.usedDirectories(block.view, offset, size) + directories));
    this.totals.freeInodes += inodes;
    this.totals.directories += directories;
  }

  ending(): void {
    Object.assign(this.#before, this.totals);
  }

  undone(): void {
    Object.assign(this.totals, this.#before);
  }

  committing(): void {
    for (const group of this.#touched) this.#seal(group);
    this.#touched.clear();
  }

  #seal(group: GroupNumber): void {
    const { features, checksumSeed, uuid, descriptorSize: size, clustersPerGroup, inodesPerGroup } = this.#superblock;
    const { block, offset } = this.#groups.descriptor(group);
    const { view, bytes } = block;
    if (features.hasRoCompat('METADATA_CSUM')) {
      const blocks = this.#cache.peek(physicalBlock(layout.blockBitmapBlock(view, offset, size)));
      if (blocks !== undefined && blocks.transaction !== 0) {
        layout.setBlockBitmapChecksum(view, offset, size, crc32c(checksumSeed, blocks.bytes, 0, clustersPerGroup >>> 3));
      }
      const inodes = this.#cache.peek(physicalBlock(layout.inodeBitmapBlock(view, offset, size)));
      if (inodes !== undefined && inodes.transaction !== 0) {
        layout.setInodeBitmapChecksum(view, offset, size, crc32c(checksumSeed, inodes.bytes, 0, inodesPerGroup >>> 3));
      }
      layout.setChecksum(view, offset, layout.descriptorCrc32c(checksumSeed, group, bytes, offset, size));
    } else if (features.hasRoCompat('GDT_CSUM')) {
      layout.setChecksum(view, offset, layout.descriptorCrc16(uuid, group, bytes, offset, size));
    }
  }

  #readAll(zones: SystemZonesBuilder): void {
    const { descriptorSize: size, clustersPerGroup, inodesPerGroup, inodeSize, blockSize } = this.#superblock;
    const tableBlocks = Math.ceil((inodesPerGroup * inodeSize) / blockSize);
    for (let index = 0; index < this.#geometry.groupCount; index++) {
      const group = groupNumber(index);
      const { block, offset } = this.#groups.descriptor(group);
      const freeClusters = layout.freeClusters(block.view, offset, size);
      const freeInodes = layout.freeInodes(block.view, offset, size);
      if (freeClusters > clustersPerGroup || freeInodes > inodesPerGroup) {
        throw new CorruptionError('group descriptor', { group, block: block.number }, `counts ${freeClusters} clusters and ${freeInodes} inodes free, there are ${clustersPerGroup} and ${inodesPerGroup}`);
      }
      this.totals.freeClusters += freeClusters;
      this.totals.freeInodes += freeInodes;
      this.totals.directories += layout.usedDirectories(block.view, offset, size);
      this.#addZone(zones, group, layout.blockBitmapBlock(block.view, offset, size), 1);
      this.#addZone(zones, group, layout.inodeBitmapBlock(block.view, offset, size), 1);
      this.#addZone(zones, group, layout.inodeTableBlock(block.view, offset, size), tableBlocks);
      const backups = this.#geometry.superblockAndDescriptors(group);
      if (backups > 0) zones.add(this.#geometry.groupFirstBlock(group), backups);
    }
    if (this.#superblock.firstDataBlock > 0) zones.add(0, this.#superblock.firstDataBlock);
  }

  #addZone(zones: SystemZonesBuilder, group: GroupNumber, start: number, count: number): void {
    if (!this.#geometry.containsBlocks(start, count) || start === 0) {
      throw new CorruptionError('group descriptor', { group }, `a bitmap or the inode table at block ${start} is not inside the filesystem`);
    }
    zones.add(start, count);
  }
}
