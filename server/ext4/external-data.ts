import type { BlockDevice } from '../device/block-device.js';
import type { InodeEditor } from './inode-editor.js';
import type { Inode } from './inode.js';
import type { Transactions } from './journal/transactions.js';
import type { FileMapping } from './mapping/file-mapping.js';
import type { FileSpace, SpaceWish } from './mapping/file-space.js';
import { LOGICAL_BLOCK_LIMIT, MappedRange, RangeState } from './mapping/mapping.js';
import type { Orphans } from './namespace/orphans.js';
import { logicalBlock, type InodeNumber, type LogicalBlock } from './units.js';

/** Files whose data somebody else moves between memory and the device, past this program. */
export interface DataElsewhere {
  has(inode: Inode): boolean;
  /** A part of the device was written here all the same: nothing of it may stay in memory. */
  settle(position: number, length: number): void;
}

export interface ExternalDataParts {
  readonly device: BlockDevice;
  readonly mapping: FileMapping;
  readonly files: FileSpace;
  readonly inodes: InodeEditor;
  readonly transactions: Transactions;
  readonly orphans: Orphans;
  readonly blockSize: number;
}

/**
 * Space for data that somebody else writes: reserved before, so that it reads as zeros whatever
 * happens, and made contents when the data is on the device. Inside a handle.
 */
export class ExternalData {
  readonly #parts: ExternalDataParts;
  /** Who moves the data. */
  elsewhere: DataElsewhere | undefined;
  readonly #range = new MappedRange();
  /** Up to which block files have space that their size does not tell of. */
  readonly #tails = new Map<InodeNumber, number>();
  readonly #zeros = new Uint8Array(1 << 18);

  constructor(parts: ExternalDataParts) {
    this.#parts = parts;
  }

  /** Maps holes in [first, end) from the first on, as far as one handle goes. @throws OperationError ENOSPC, EDQUOT */
  reserve(inode: Inode, first: LogicalBlock, end: number, privileged: boolean): void {
    const { files } = this.#parts;
    const unwritten = inode.hasFlag('EXTENTS');
    const wish: SpaceWish = { unwritten, privileged, streaming: true };
    const filled = files.fillSome(inode, first, end, wish, unwritten ? undefined : (_, length, physical) => this.#zero(physical, length));
    if (!unwritten) this.#expectGrowth(inode, filled);
  }

  /** The data of a range is on the device: it is contents now, and the file reaches at least to its end. */
  complete(inode: Inode, offset: number, length: number, wasReserved: boolean): void {
    if (wasReserved && length > 0 && inode.hasFlag('EXTENTS')) this.#convert(inode, offset, offset + length);
    if (offset + length <= inode.size) return;
    this.#parts.inodes.setSize(inode, offset + length);
    this.#grown(inode);
  }

  /**
   * A block map does not tell what is reserved past the end of a file: until the file has grown it is on
   * the orphan list, so that a crash leaves nothing there.
   */
  #expectGrowth(inode: Inode, end: number): void {
    if (end * this.#parts.blockSize <= up(inode.size, this.#parts.blockSize)) return;
    this.#tails.set(inode.number, Math.max(end, this.#tails.get(inode.number) ?? 0));
    this.#parts.orphans.add(inode);
  }

  #grown(inode: Inode): void {
    const tail = this.#tails.get(inode.number);
    if (tail === undefined || tail * this.#parts.blockSize > up(inode.size, this.#parts.blockSize)) return;
    this.#tails.delete(inode.number);
    const { orphans } = this.#parts;
    if (inode.links > 0 && orphans.has(inode.number)) orphans.remove(inode);
  }

  /** Whatever is reserved in the range; the rest may have been cut off, or written by another completion. */
  #convert(inode: Inode, offset: number, end: number): void {
    const { mapping, files, transactions, blockSize } = this.#parts;
    const last = Math.min(Math.ceil(end / blockSize), LOGICAL_BLOCK_LIMIT);
    const range = this.#range;
    for (let at = Math.floor(offset / blockSize); at < last; ) {
      mapping.map(inode, logicalBlock(at), range);
      const stop = Math.min(last, range.logical + range.length);
      if (range.state !== RangeState.Unwritten) {
        at = stop;
        continue;
      }
      at = files.convertReserved(inode, logicalBlock(at), stop - at);
      if (at < last && transactions.isCrowded) transactions.restart();
    }
  }

  /** A block map has no reserved blocks: zeros are on the device before anyone can read them. */
  #zero(physical: number, blocks: number): void {
    const { device, blockSize } = this.#parts;
    const position = physical * blockSize;
    const length = blocks * blockSize;
    if (device.zeroOut?.(position, length) === true) return;
    for (let done = 0; done < length; done += this.#zeros.length) {
      device.write(this.#zeros, 0, Math.min(this.#zeros.length, length - done), position + done);
    }
    this.elsewhere?.settle(position, length);
  }
}

const up = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
