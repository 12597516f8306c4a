import type { BlockDevice } from '../device/block-device.js';
import { ZEROS, type DeviceRanges } from '../device/device-ranges.js';
import { Verified, type BlockCache } from './cache/block-cache.js';
import type { Inode } from './inode.js';
import type { FileMapping } from './mapping/file-mapping.js';
import { LOGICAL_BLOCK_LIMIT, MappedRange, RangeState } from './mapping/mapping.js';
import { logicalBlock, physicalBlock } from './units.js';

/** Offsets at which lseek(2) finds data or a hole; -1 where there is none before the end of the file. */
export const NOT_FOUND = -1;

/** The device is reading what was asked for. */
export const HAS_TO_WAIT = -1;

/** It is more than one piece, or the device cannot say. */
export const MAY_HAVE_TO_WAIT = -2;

/** The calling thread has to read it. */
export const NOT_ON_DEVICE = -3;

/** Contents of files that keep them in blocks: straight from the device, past the block cache, but for data that is journalled. */
export class FileContent {
  readonly #device: BlockDevice;
  readonly #mapping: FileMapping;
  readonly #cache: BlockCache;
  readonly #blockSize: number;
  readonly #range = new MappedRange();

  constructor(device: BlockDevice, mapping: FileMapping, cache: BlockCache) {
    this.#device = device;
    this.#mapping = mapping;
    this.#cache = cache;
    this.#blockSize = cache.blockSize;
  }

  /**
   * Reads up to the end of the file; holes and unwritten extents are zeros.
   *
   * @param offset any byte offset, `length` any number of bytes
   * @returns bytes filled in, 0 at or past the end
   */
  read(inode: Inode, offset: number, length: number, target: Uint8Array, targetOffset: number): number {
    const end = Math.min(offset + length, inode.size);
    const range = this.#range;
    let at = offset;
    while (at < end) {
      const block = Math.floor(at / this.#blockSize);
      const into = targetOffset + at - offset;
      if (block >= LOGICAL_BLOCK_LIMIT) {
        target.fill(0, into, into + end - at);
        return end - offset;
      }
      this.#mapping.map(inode, logicalBlock(block), range);
      const rangeEnd = (range.logical + range.length) * this.#blockSize;
      const count = Math.min(end, rangeEnd) - at;
      if (range.state === RangeState.Written) {
        const position = range.physical * this.#blockSize + (at - block * this.#blockSize);
        this.#device.read(target, into, count, position);
        if (this.#cache.holdsFileData) this.#readJournalled(target, into, count, position);
      } else {
        target.fill(0, into, into + count);
      }
      at += count;
    }
    return Math.max(0, end - offset);
  }

  /**
   * Reads as read() does if nothing has to be waited for; otherwise the device begins to read, where it is one piece.
   * @returns bytes filled in, HAS_TO_WAIT, or MAY_HAVE_TO_WAIT
   */
  readNow(inode: Inode, offset: number, length: number, target: Uint8Array, targetOffset: number): number {
    const count = Math.min(offset + length, inode.size) - offset;
    if (count <= 0) return 0;
    const block = Math.floor(offset / this.#blockSize);
    if (block >= LOGICAL_BLOCK_LIMIT || this.#device.readNow === undefined || this.#cache.holdsFileData) return MAY_HAVE_TO_WAIT;
    const range = this.#range;
    this.#mapping.map(inode, logicalBlock(block), range);
    if (range.state !== RangeState.Written || (range.logical + range.length) * this.#blockSize < offset + count) return MAY_HAVE_TO_WAIT;
    const position = range.physical * this.#blockSize + (offset - block * this.#blockSize);
    const outcome = this.#device.readNow(target, targetOffset, count, position);
    if (outcome === 'done') return count;
    return outcome === 'begun' ? HAS_TO_WAIT : MAY_HAVE_TO_WAIT;
  }

  /**
   * Says where the bytes lie that read() would read, if all of them are to be had from the device alone.
   * @returns their number, or NOT_ON_DEVICE
   */
  locate(inode: Inode, offset: number, length: number, ranges: DeviceRanges): number {
    const device = this.#device;
    if (device.placeOf === undefined || this.#cache.holdsFileData) return NOT_ON_DEVICE;
    const end = Math.min(offset + length, inode.size);
    const range = this.#range;
    ranges.clear();
    for (let at = offset; at < end; ) {
      const block = Math.floor(at / this.#blockSize);
      if (block >= LOGICAL_BLOCK_LIMIT) return NOT_ON_DEVICE;
      this.#mapping.map(inode, logicalBlock(block), range);
      const count = Math.min(end, (range.logical + range.length) * this.#blockSize) - at;
      const isWritten = range.state === RangeState.Written;
      const place = isWritten ? device.placeOf(range.physical * this.#blockSize + (at - block * this.#blockSize), count) : ZEROS;
      if (!ranges.add(place, count)) return NOT_ON_DEVICE;
      at += count;
    }
    return Math.max(0, end - offset);
  }

  /** Puts what is on its way home through the journal over what was read from the device. */
  #readJournalled(target: Uint8Array, into: number, length: number, position: number): void {
    const end = position + length;
    for (let at = position; at < end; ) {
      const number = Math.floor(at / this.#blockSize);
      const base = number * this.#blockSize;
      const stop = Math.min(end, base + this.#blockSize);
      const block = this.#cache.peek(physicalBlock(number));
      if (block?.verifiedAs === Verified.FileData && block.isDirty) target.set(block.bytes.subarray(at - base, stop - base), into + at - position);
      at = stop;
    }
  }

  /**
   * lseek(2) with SEEK_DATA or SEEK_HOLE. Unwritten extents count as holes: reading them gives
   * zeros. What a page cache above has not written back is not known here.
   *
   * @returns the first offset at or after `offset` that is data (a hole: the end of the file is one),
   *          or NOT_FOUND
   */
  seek(inode: Inode, offset: number, wanted: 'data' | 'hole'): number {
    const { size } = inode;
    if (offset >= size) return NOT_FOUND;
    const range = this.#range;
    let at = offset;
    while (at < size) {
      const block = Math.floor(at / this.#blockSize);
      if (block >= LOGICAL_BLOCK_LIMIT) break;
      this.#mapping.map(inode, logicalBlock(block), range);
      if ((range.state === RangeState.Written) === (wanted === 'data')) return at;
      at = (range.logical + range.length) * this.#blockSize;
    }
    return wanted === 'hole' ? Math.min(at, size) : NOT_FOUND;
  }
}
