import type { BlockDevice } from '../device/block-device.js';
import { CorruptionError, errno, OperationError } from './errors.js';
import type { BlockSpace } from './allocation/block-space.js';
import type { DataElsewhere } from './external-data.js';
import type { InodeEditor } from './inode-editor.js';
import type { Inode } from './inode.js';
import type { JournalledData } from './journalled-data.js';
import type { Transactions } from './journal/transactions.js';
import type { FileMapping } from './mapping/file-mapping.js';
import type { FileSpace, SpaceWish } from './mapping/file-space.js';
import { LOGICAL_BLOCK_LIMIT, MappedRange, RangeState } from './mapping/mapping.js';
import { logicalBlock, type PhysicalBlock } from './units.js';

/** Pieces freed in one handle: bounds what one transaction must hold. */
export const PIECES_PER_HANDLE = 256;

/** Up to so many bytes are copied to be written together with the zeros around them. */
const LARGEST_PADDED = 1 << 16;

/** Takes data that can be written when the handle has ended which maps it: by others perhaps, but before its transaction commits. */
export interface DataBehind {
  /** @returns false where it has to be written at once */
  take(source: Uint8Array, from: number, length: number, position: number): boolean;
  /** The blocks held something else before, or nobody knows what. */
  markFresh(): void;
  /** Writes at once what was taken: a transaction may be about to commit. */
  writeNow(): void;
}

/**
 * Writes and shortens the contents of files that keep them in blocks. Data goes straight to the
 * device, before the transaction that maps it commits: a crash never shows another file's old
 * contents (data=ordered). Or it goes into that transaction.
 */
export class FileWriter {
  readonly #device: BlockDevice;
  readonly #mapping: FileMapping;
  readonly #files: FileSpace;
  readonly #inodes: InodeEditor;
  readonly #space: BlockSpace;
  readonly #transactions: Transactions;
  readonly #journalled: JournalledData;
  readonly #blockSize: number;
  readonly #range = new MappedRange();
  readonly #zeros: Uint8Array;
  readonly #padded: Uint8Array;
  /** Whether the write under way has given the first and the last block that it touches to the file. */
  #headIsFresh = false;
  #tailIsFresh = false;
  /** Who takes its data. */
  #behind: DataBehind | undefined;
  /** Who moves the data of files that this program is not to touch. */
  elsewhere: DataElsewhere | undefined;
  /** Device writes since the last flush: an fsync without them needs none. */
  unflushed = false;

  constructor(device: BlockDevice, mapping: FileMapping, files: FileSpace, inodes: InodeEditor, space: BlockSpace, transactions: Transactions, journalled: JournalledData, blockSize: number) {
    this.#device = device;
    this.#mapping = mapping;
    this.#files = files;
    this.#inodes = inodes;
    this.#space = space;
    this.#transactions = transactions;
    this.#journalled = journalled;
    this.#blockSize = blockSize;
    this.#zeros = new Uint8Array(1 << 20);
    this.#padded = new Uint8Array(Math.max(blockSize, LARGEST_PADDED));
  }

  /** Whether somebody else moves the file's data, and knows its size before it is recorded here. */
  isWrittenElsewhere(inode: Inode): boolean {
    return this.elsewhere?.has(inode) === true;
  }

  /** Largest size of a file, in bytes. */
  maxSize(inode: Inode): number {
    const blocks = inode.hasFlag('EXTENTS') ? LOGICAL_BLOCK_LIMIT - 1 : this.#mapping.blockMap.reach;
    return blocks * this.#blockSize;
  }

  /**
   * Writes, allocating as needed; grows the file. Where free space is in more pieces than a handle can
   * take it restarts, and an error then leaves what came before.
   * @param behind takes data that can be written later
   * @returns bytes written: all of them
   * @throws OperationError ENOSPC, EDQUOT, EFBIG
   */
  write(inode: Inode, offset: number, source: Uint8Array, sourceOffset: number, length: number, privileged: boolean, behind?: DataBehind): number {
    if (length === 0) return 0;
    this.#behind = behind;
    const end = offset + length;
    if (end > this.maxSize(inode)) throw new OperationError(errno.EFBIG, `inode ${inode.number} cannot hold ${end} bytes`);
    const last = Math.ceil(end / this.#blockSize);
    const wish: SpaceWish = { unwritten: false, privileged, streaming: inode.isRegular };
    const step = this.#journalled.stepFor(inode);
    for (let at = offset; at < end; ) {
      if (this.#transactions.isCrowded) {
        behind?.writeNow();
        this.#transactions.restart();
      }
      this.#headIsFresh = false;
      this.#tailIsFresh = false;
      const first = logicalBlock(Math.floor(at / this.#blockSize));
      const filled = this.#files.fillSome(inode, first, Math.min(last, first + step), wish, (logical, count) => {
        behind?.markFresh();
        if (logical === first) this.#headIsFresh = true;
        if (logical + count === last) this.#tailIsFresh = true;
      });
      const stop = Math.min(end, filled * this.#blockSize);
      this.#writeMapped(inode, at, source, sourceOffset + at - offset, stop - at);
      if (stop > inode.size) this.#inodes.setSize(inode, stop);
      at = stop;
    }
    return length;
  }

  /**
   * Sets the size. Growing leaves a hole; when shrinking, what lies past the new end in its last
   * block becomes zeros, and blocks past it are freed by `releaseTail`.
   */
  resize(inode: Inode, size: number): void {
    if (size > this.maxSize(inode)) throw new OperationError(errno.EFBIG, `inode ${inode.number} cannot hold ${size} bytes`);
    if (size < inode.size) {
      this.zero(inode, size, Math.min(Math.ceil(size / this.#blockSize) * this.#blockSize, inode.size));
      this.#space.releaseWindow(inode.number);
    }
    this.#inodes.setSize(inode, size);
  }

  /**
   * Frees blocks past the end of the file, a bounded number of pieces.
   * @param journalled the blocks went through the journal
   * @returns whether nothing is left to free
   */
  releaseTail(inode: Inode, journalled: boolean): boolean {
    const from = Math.ceil(inode.size / this.#blockSize);
    if (from >= LOGICAL_BLOCK_LIMIT) return true;
    return this.#files.release(inode, logicalBlock(from), LOGICAL_BLOCK_LIMIT, PIECES_PER_HANDLE, journalled) >= LOGICAL_BLOCK_LIMIT;
  }

  /**
   * Overwrites what is written in [offset, end) with zeros; holes and unwritten blocks read as zeros
   * anyhow, and somebody else who moves the data zeroes it himself. Restarts where more than a step goes through the journal.
   */
  zero(inode: Inode, offset: number, end: number): void {
    if (this.isWrittenElsewhere(inode)) return;
    const range = this.#range;
    let at = offset;
    while (at < end) {
      const block = Math.floor(at / this.#blockSize);
      if (block >= LOGICAL_BLOCK_LIMIT) return;
      this.#mapping.map(inode, logicalBlock(block), range);
      const stop = Math.min(end, (range.logical + range.length) * this.#blockSize);
      if (range.state === RangeState.Written) {
        this.#checkSpace(inode, range.physical, range.length);
        this.#writeZeros(inode, range.physical * this.#blockSize + (at - block * this.#blockSize), stop - at);
      }
      at = stop;
    }
  }

  /** Writes to blocks that are mapped throughout; unwritten ones become written. */
  #writeMapped(inode: Inode, offset: number, source: Uint8Array, sourceOffset: number, length: number): void {
    const range = this.#range;
    const end = offset + length;
    let at = offset;
    while (at < end) {
      const block = Math.floor(at / this.#blockSize);
      this.#mapping.map(inode, logicalBlock(block), range);
      if (range.state === RangeState.Hole) throw new CorruptionError('extent tree', { inode: inode.number }, `logical block ${block} is a hole although it was just filled`);
      this.#checkSpace(inode, range.physical, range.length);
      const stop = Math.min(end, (range.logical + range.length) * this.#blockSize);
      const base = range.physical * this.#blockSize - block * this.#blockSize;
      const count = Math.ceil(stop / this.#blockSize) - block;
      const unwritten = range.state === RangeState.Unwritten;
      const before = at === offset && (unwritten || this.#headIsFresh) ? at % this.#blockSize : 0;
      const behind = stop === end && (unwritten || this.#tailIsFresh) ? (block + count) * this.#blockSize - end : 0;
      if (this.#journalled.claims(inode, base + at, stop - at)) {
        this.#journalled.write(source, sourceOffset + at - offset, stop - at, base + at, before, behind);
      } else {
        this.#writePadded(source, sourceOffset + at - offset, stop - at, base + at, before, behind);
        this.unflushed = true;
        if (this.isWrittenElsewhere(inode)) this.elsewhere?.settle(range.physical * this.#blockSize, count * this.#blockSize);
      }
      if (unwritten) {
        this.#behind?.markFresh();
        const fileEnd = Math.ceil(Math.max(inode.size, end) / this.#blockSize);
        this.#files.convertToWritten(inode, logicalBlock(block), count, fileEnd, (start, blocks) => {
          this.#zeroBlocks(inode, start, blocks);
        });
      }
      at = stop;
    }
  }

  /**
   * Writes with zeros before and behind it, up to the edges of the first and the last block: blocks that
   * had no contents. Whole blocks, since the device would have to read the rest of a partial one.
   */
  #writePadded(source: Uint8Array, from: number, length: number, position: number, before: number, behind: number): void {
    const padded = this.#padded;
    const total = before + length + behind;
    if (total === length) {
      this.#send(source, from, length, position);
    } else if (total <= padded.length) {
      padded.fill(0, 0, before);
      padded.set(source.subarray(from, from + length), before);
      padded.fill(0, before + length, total);
      this.#device.write(padded, 0, total, position - before);
    } else {
      const head = before === 0 ? 0 : this.#blockSize - before;
      const tail = behind === 0 ? 0 : this.#blockSize - behind;
      if (head > 0) this.#writePadded(source, from, head, position, before, 0);
      this.#send(source, from + head, length - head - tail, position + head);
      if (tail > 0) this.#writePadded(source, from + length - tail, tail, position + length - tail, 0, behind);
    }
  }

  #send(source: Uint8Array, from: number, length: number, position: number): void {
    if (this.#behind?.take(source, from, length, position) !== true) this.#device.write(source, from, length, position);
  }

  #writeZeros(inode: Inode, position: number, length: number): void {
    const journalled = this.#journalled.claims(inode, position, length);
    const step = journalled ? Math.min(this.#zeros.length, this.#journalled.stepFor(inode) * this.#blockSize) : this.#zeros.length;
    for (let done = 0; done < length; done += step) {
      const count = Math.min(step, length - done);
      if (journalled && this.#transactions.isCrowded) this.#transactions.restart();
      if (journalled) this.#journalled.write(this.#zeros, 0, count, position + done, 0, 0);
      else this.#device.write(this.#zeros, 0, count, position + done);
    }
    if (!journalled) this.unflushed = true;
  }

  /** A whole extent at once: through the journal only as much as a step takes. */
  #zeroBlocks(inode: Inode, start: PhysicalBlock, length: number): void {
    if (length > this.#journalled.stepFor(inode)) throw new OperationError(errno.ENOSPC, 'no room to split an extent, and it is too long to be filled with zeros');
    this.#checkSpace(inode, start, length);
    this.#writeZeros(inode, start * this.#blockSize, length * this.#blockSize);
  }

  /** A crafted extent must not let a file's data overwrite the filesystem's own structures. */
  #checkSpace(inode: Inode, start: PhysicalBlock, length: number): void {
    if (!this.#space.isFileSpace(start, length)) {
      throw new CorruptionError('extent tree', { inode: inode.number, block: start }, 'a file is mapped onto the filesystem\'s own structures');
    }
  }
}
