import { Verified, type BlockCache } from './cache/block-cache.js';
import { CorruptionError, type FilesystemError } from './errors.js';
import type { Geometry } from './geometry.js';
import type { Transactions } from './journal/transactions.js';
import { crc32c } from './layout/crc32c.js';
import * as layout from './layout/superblock-fields.js';
import { MAGIC, SUPERBLOCK_OFFSET, type Superblock } from './layout/superblock.js';
import { groupNumber, physicalBlock, type GroupNumber } from './units.js';

/** After so many copies the handle is ended and another begun: without sparse_super every group has one. */
const COPIES_PER_HANDLE = 32;

/** The copies of the superblock in other groups, in which only what names the filesystem is kept up. */
export class SuperblockBackups {
  readonly #superblock: Superblock;
  readonly #geometry: Geometry;
  readonly #cache: BlockCache;
  readonly #transactions: Transactions;
  readonly #location: number;
  readonly #report: (problem: FilesystemError) => void;

  /** @param location byte offset of the copy in use, which is none of these */
  constructor(superblock: Superblock, geometry: Geometry, cache: BlockCache, transactions: Transactions, location: number, report: (problem: FilesystemError) => void) {
    this.#superblock = superblock;
    this.#geometry = geometry;
    this.#cache = cache;
    this.#transactions = transactions;
    this.#location = location;
    this.#report = report;
  }

  /** In a handle. A copy that is damaged stays as it is. */
  setLabel(label: Uint8Array): void {
    let changed = 0;
    for (let index = 0; index < this.#geometry.groupCount; index++) {
      const group = groupNumber(index);
      if (!this.#geometry.hasSuperblock(group)) continue;
      if (this.#change(group, (bytes, at) => layout.setText(bytes, at + layout.SuperblockFields.label, layout.LABEL_SIZE, label))) changed++;
      if (changed > 0 && changed % COPIES_PER_HANDLE === 0) this.#transactions.restart();
    }
  }

  /** @returns whether there is a sound copy */
  #change(group: GroupNumber, change: (bytes: Uint8Array, at: number) => void): boolean {
    const { blockSize } = this.#superblock;
    const position = group === 0 ? SUPERBLOCK_OFFSET : this.#geometry.groupFirstBlock(group) * blockSize;
    if (position === this.#location) return false;
    const block = this.#cache.get(physicalBlock(Math.floor(position / blockSize)));
    const at = position % blockSize;
    const problem = this.#problem(block.bytes, block.view, at);
    if (problem !== undefined) {
      this.#report(new CorruptionError('superblock', { group, block: block.number }, `the copy ${problem}, and is left alone`));
      return false;
    }
    // Not as a superblock: that is where the copy in use lies in its block, and not this one.
    this.#transactions.modify(block, Verified.None, 0);
    change(block.bytes, at);
    if (this.#superblock.features.hasRoCompat('METADATA_CSUM')) layout.setSuperblockChecksum(block.bytes, block.view, at);
    return true;
  }

  #problem(bytes: Uint8Array, view: DataView, at: number): string | undefined {
    if (view.getUint16(at + layout.SuperblockFields.magic, true) !== MAGIC) return 'has no magic number';
    if (!this.#superblock.features.hasRoCompat('METADATA_CSUM')) return undefined;
    const end = at + layout.SuperblockFields.checksum;
    return view.getUint32(end, true) === crc32c(0xffffffff, bytes, at, end) ? undefined : 'has a wrong checksum';
  }
}
