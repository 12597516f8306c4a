import { Verified } from './cache/block-cache.js';
import type { Inode } from './inode.js';
import type { TransactionListener } from './journal/transaction-listener.js';
import type { Transactions } from './journal/transactions.js';
import * as layout from './layout/inode.js';
import { GOOD_OLD_INODE_SIZE, InodeFlags, Times, type TimeField } from './layout/inode.js';
import type { Superblock } from './layout/superblock.js';
import { UNCHARGED, type QuotaCharges } from './quota/charges.js';

const SECTOR_SIZE = 512;
/** i_blocks holds this many sectors; beyond, it counts filesystem blocks (HUGE_FILE). */
const MOST_SECTORS = 2 ** 48 - 1;
const MOST_SECTORS_WITHOUT_HUGE_FILE = 2 ** 32 - 1;
/** The extra word of a time: nanoseconds above two epoch bits. */
const EPOCHS = 4;
const LATEST_SECOND = 2 ** 34 - 2 ** 31 - 1;
const LATEST_SECOND_32 = 2 ** 31 - 1;
const EARLIEST_SECOND = -(2 ** 31);

/**
 * Changes inodes where they lie, inside a handle. The checksums of the inodes that a handle changed
 * are made once, as it closes.
 */
export class InodeEditor implements TransactionListener {
  readonly #superblock: Superblock;
  readonly #transactions: Transactions;
  readonly #checksums: boolean;
  readonly #charges: QuotaCharges;
  readonly #changed: Inode[] = [];

  constructor(superblock: Superblock, transactions: Transactions, charges: QuotaCharges = UNCHARGED) {
    this.#superblock = superblock;
    this.#transactions = transactions;
    this.#checksums = superblock.features.hasRoCompat('METADATA_CSUM');
    this.#charges = charges;
    transactions.listen(this);
  }

  /** Before the first byte of an inode changes, i_block and extended attributes in its body included. */
  modify(inode: Inode): void {
    this.#transactions.modify(inode.block, Verified.InodeTable, 0);
    this.#changes(inode);
  }

  #modifyTimes(inode: Inode): void {
    this.#transactions.modifyTimes(inode.block, Verified.InodeTable, 0);
    this.#changes(inode);
  }

  #changes(inode: Inode): void {
    if (!this.#changed.includes(inode)) this.#changed.push(inode);
  }

  ending(): void {
    if (this.#checksums) {
      const { inodeSize } = this.#superblock;
      for (const inode of this.#changed) {
        const { bytes, view, offset } = inode;
        layout.setChecksum(view, offset, inodeSize, layout.computeChecksum(inode.checksumSeed, bytes, view, offset, inodeSize));
      }
    }
    this.#changed.length = 0;
  }

  undone(): void {
    this.#changed.length = 0;
  }

  setMode(inode: Inode, mode: number): void {
    this.modify(inode);
    layout.setMode(inode.view, inode.offset, mode);
  }

  setOwner(inode: Inode, uid: number, gid: number): void {
    this.modify(inode);
    layout.setUid(inode.view, inode.offset, uid);
    layout.setGid(inode.view, inode.offset, gid);
  }

  /** @param size bytes, 0..2^53-1 */
  setSize(inode: Inode, size: number): void {
    this.modify(inode);
    layout.setSize(inode.view, inode.offset, size);
  }

  setLinks(inode: Inode, links: number): void {
    this.modify(inode);
    layout.setLinksCount(inode.view, inode.offset, links);
  }

  setFlags(inode: Inode, flags: number): void {
    this.modify(inode);
    layout.setFlags(inode.view, inode.offset, flags);
  }

  setFlag(inode: Inode, flag: keyof typeof InodeFlags, on: boolean): void {
    const { flags } = inode;
    const changed = on ? flags | InodeFlags[flag] : flags & ~InodeFlags[flag];
    if (changed >>> 0 !== flags) this.setFlags(inode, changed >>> 0);
  }

  setProjectId(inode: Inode, project: number): void {
    this.modify(inode);
    layout.setProjectId(inode.view, inode.offset, project);
  }

  setXattrBlock(inode: Inode, block: number): void {
    this.modify(inode);
    layout.setFileAcl(inode.view, inode.offset, block);
  }

  setDeviceNumber(inode: Inode, device: number): void {
    this.modify(inode);
    layout.setDeviceNumber(inode.view, inode.offset, device);
  }

  /** i_dtime: a time, or the next inode of the orphan list. */
  setDeletionTime(inode: Inode, value: number): void {
    this.modify(inode);
    layout.setDeletionTime(inode.view, inode.offset, value);
  }

  /** Seconds outside what the inode can hold are clamped; the first and the last have no fraction (timestamp_truncate()). */
  setTime(inode: Inode, field: TimeField, seconds: number, nanoseconds: number): void {
    this.#modifyTimes(inode);
    const { view, offset } = inode;
    const wide = this.#superblock.inodeSize > GOOD_OLD_INODE_SIZE && field.extra + 4 <= GOOD_OLD_INODE_SIZE + inode.extraSize;
    const latest = wide ? LATEST_SECOND : LATEST_SECOND_32;
    const clamped = Math.max(EARLIEST_SECOND, Math.min(seconds, latest));
    view.setInt32(offset + field.seconds, clamped | 0, true);
    if (!wide) return;
    const epoch = Math.floor((clamped - (clamped | 0)) / 0x100000000) & 3;
    const kept = clamped > EARLIEST_SECOND && clamped < latest ? nanoseconds : 0;
    view.setUint32(offset + field.extra, kept * EPOCHS + epoch, true);
  }

  /** The changed times of one operation, and i_version with them. */
  touch(inode: Inode, seconds: number, nanoseconds: number, modified: boolean): void {
    this.setTime(inode, Times.change, seconds, nanoseconds);
    if (modified) this.setTime(inode, Times.modification, seconds, nanoseconds);
    this.bumpVersion(inode);
  }

  bumpVersion(inode: Inode): void {
    this.#modifyTimes(inode);
    const { view, offset } = inode;
    const low = (layout.versionLow(view, offset) + 1) >>> 0;
    layout.setVersionLow(view, offset, low);
    if (low === 0 && inode.extraSize >= 0x9c - GOOD_OLD_INODE_SIZE) {
      layout.setVersionHigh(view, offset, (layout.versionHigh(view, offset) + 1) >>> 0);
    }
  }

  /**
   * Adds to i_blocks, and to the account of whoever owns the inode.
   * @param blocks filesystem blocks, may be negative
   * @param forced quota limits do not count
   * @throws OperationError EDQUOT
   */
  addBlocks(inode: Inode, blocks: number, forced = false): void {
    this.#charges.chargeSpace(inode, blocks * this.#superblock.blockSize, forced);
    const sectors = Math.max(0, inode.sectors + blocks * (this.#superblock.blockSize / SECTOR_SIZE));
    const hugeFiles = this.#superblock.features.hasRoCompat('HUGE_FILE');
    const huge = sectors > (hugeFiles ? MOST_SECTORS : MOST_SECTORS_WITHOUT_HUGE_FILE);
    this.modify(inode);
    if (hugeFiles) this.setFlag(inode, 'HUGE_FILE', huge);
    layout.setBlocks(inode.view, inode.offset, huge ? sectors / (this.#superblock.blockSize / SECTOR_SIZE) : sectors);
  }
}
