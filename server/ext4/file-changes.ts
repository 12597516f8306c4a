import { Verified } from './cache/block-cache.js';
import { errno, OperationError } from './errors.js';
import { PIECES_PER_HANDLE, type DataBehind, type FileWriter } from './file-writer.js';
import type { Filesystem } from './filesystem.js';
import type { InlineFiles } from './inline-files.js';
import type { InodeEditor } from './inode-editor.js';
import type { Inode } from './inode.js';
import type { Transactions } from './journal/transactions.js';
import { initialiseNode, ROOT_ENTRIES } from './layout/extent.js';
import { I_BLOCK, I_BLOCK_SIZE } from './layout/inode.js';
import type { FileSpace, SpaceWish } from './mapping/file-space.js';
import { LOGICAL_BLOCK_LIMIT } from './mapping/mapping.js';
import type { Reaper } from './namespace/reaper.js';
import { logicalBlock, physicalBlock, type PhysicalBlock } from './units.js';

/** fallocate(2); no bit at all allocates and grows the file. */
export const AllocateMode = { KEEP_SIZE: 0x1, PUNCH_HOLE: 0x2, ZERO_RANGE: 0x10 } as const;

export interface FileChangesParts {
  readonly filesystem: Filesystem;
  readonly transactions: Transactions;
  readonly inodes: InodeEditor;
  readonly files: FileSpace;
  readonly writer: FileWriter;
  readonly reaper: Reaper;
  readonly inline: InlineFiles;
}

/** What system calls do to the contents of files, inside a handle. Times are the caller's. */
export class FileChanges {
  readonly #parts: FileChangesParts;
  readonly #blockSize: number;

  constructor(parts: FileChangesParts) {
    this.#parts = parts;
    this.#blockSize = parts.filesystem.superblock.blockSize;
  }

  /** @returns bytes read, fewer only at the end of the file */
  read(inode: Inode, offset: number, length: number, target: Uint8Array, targetOffset: number): number {
    const { filesystem } = this.#parts;
    const contents = inode.hasFlag('INLINE_DATA') ? filesystem.inline : filesystem.content;
    return contents.read(inode, offset, length, target, targetOffset);
  }

  /** @param behind takes data that can be written later */
  write(inode: Inode, offset: number, source: Uint8Array, sourceOffset: number, length: number, privileged: boolean, behind?: DataBehind): void {
    if (this.#parts.inline.write(inode, offset, source, sourceOffset, length, privileged)) return;
    this.#parts.writer.write(inode, offset, source, sourceOffset, length, privileged, behind);
  }

  /** Whether a file is empty, and its inode could hold so many bytes that are about to be written. */
  canBeginInline(inode: Inode, length: number): boolean {
    return this.#parts.inline.canBegin(inode, length);
  }

  /** Has the inode of such a file hold what is written from now on. */
  beginInline(inode: Inode): void {
    this.#parts.inline.begin(inode);
  }

  /** Whether an inode that holds its contents itself could hold that many bytes. */
  holdsInline(inode: Inode, length: number): boolean {
    return this.#parts.inline.holds(inode, length);
  }

  /** Writes zeros to a part of what an inode holds. @returns false, with nothing changed, where it holds less than the size says */
  zeroInline(inode: Inode, from: number, end: number): boolean {
    return this.#parts.inline.zero(inode, from, end);
  }

  /** Gives a file that its inode holds blocks of its own. */
  moveOut(inode: Inode, privileged: boolean): void {
    this.#parts.inline.moveOut(inode, privileged);
  }

  truncate(inode: Inode, size: number): void {
    if (this.#parts.inline.resize(inode, size)) return;
    this.#parts.reaper.truncate(inode, size);
  }

  /** fallocate(2). @param mode of AllocateMode */
  allocate(inode: Inode, offset: number, length: number, mode: number, privileged: boolean): void {
    if (length === 0) throw new OperationError(errno.EINVAL, 'an empty range');
    const punches = (mode & AllocateMode.PUNCH_HOLE) !== 0;
    if (!punches && !inode.hasFlag('EXTENTS') && !inode.hasFlag('INLINE_DATA')) throw new OperationError(errno.EOPNOTSUPP, 'a file without extents has no unwritten blocks');
    if (!punches && offset + length > this.#parts.writer.maxSize(inode)) throw new OperationError(errno.EFBIG, `inode ${inode.number} cannot hold ${offset + length} bytes`);
    if (inode.hasFlag('INLINE_DATA')) this.#parts.inline.moveOut(inode, privileged);
    if (punches) this.#punch(inode, offset, offset + length > inode.size ? Math.ceil(inode.size / this.#blockSize) * this.#blockSize : offset + length);
    else this.#reserve(inode, offset, offset + length, (mode & AllocateMode.ZERO_RANGE) !== 0, privileged);
    if (!punches && (mode & AllocateMode.KEEP_SIZE) === 0 && offset + length > inode.size) this.#parts.inodes.setSize(inode, offset + length);
  }

  /** Fills in a symbolic link that was just made. @param length 1 up to the block size less one */
  setSymlinkTarget(inode: Inode, source: Uint8Array, sourceOffset: number, length: number): void {
    const { inodes, filesystem, files, transactions } = this.#parts;
    inodes.modify(inode);
    const target = source.subarray(sourceOffset, sourceOffset + length);
    if (length < I_BLOCK_SIZE) {
      inode.bytes.set(target, inode.offset + I_BLOCK);
    } else {
      if (filesystem.superblock.features.hasIncompat('EXTENTS')) {
        inodes.setFlag(inode, 'EXTENTS', true);
        initialiseNode(inode.view, inode.offset + I_BLOCK, ROOT_ENTRIES, 0);
        inode.bind();
      }
      let physical: PhysicalBlock = physicalBlock(0);
      files.fill(inode, logicalBlock(0), 1, { unwritten: false, streaming: false }, (_logical, _length, start) => {
        physical = start;
      });
      transactions.create(physical, Verified.SymlinkTarget, 0, inode.number).bytes.set(target);
    }
    inodes.setSize(inode, length);
  }

  /**
   * Frees whole blocks, the last one of the file too if the range goes past its end, and zeroes what of
   * it lies in others; all of it, where there is no room for what the extent tree would need.
   */
  #punch(inode: Inode, offset: number, end: number): void {
    const first = Math.ceil(offset / this.#blockSize);
    const last = Math.floor(end / this.#blockSize);
    this.#zeroOutside(inode, offset, end, first, last);
    let at = logicalBlock(first);
    if (first < last && this.#parts.files.cannotRelease(inode, at, last)) {
      this.#parts.writer.zero(inode, first * this.#blockSize, last * this.#blockSize);
      return;
    }
    while (at < last) {
      at = this.#parts.files.release(inode, at, last, PIECES_PER_HANDLE, false);
      if (at < last) this.#parts.transactions.restart();
    }
  }

  /** Reserves blocks that read as zeros; with `zero` what is there reads as zeros from now on, too. */
  #reserve(inode: Inode, offset: number, end: number, zero: boolean, privileged: boolean): void {
    const { files, transactions, writer } = this.#parts;
    const wish: SpaceWish = { unwritten: true, privileged, streaming: false };
    const from = Math.floor(offset / this.#blockSize);
    const to = Math.min(Math.ceil(end / this.#blockSize), LOGICAL_BLOCK_LIMIT);
    for (let at = from; at < to; ) {
      at = files.fillSome(inode, logicalBlock(at), to, wish);
      if (at < to) transactions.restart();
    }
    if (!zero) return;
    const first = Math.ceil(offset / this.#blockSize);
    const last = Math.floor(end / this.#blockSize);
    this.#zeroOutside(inode, offset, end, first, last);
    for (let at = first; at < last; ) {
      at = files.convertToUnwritten(inode, logicalBlock(at), last - at, (start, count) => {
        writer.zero(inode, start * this.#blockSize, (start + count) * this.#blockSize);
      });
      if (at < last) transactions.restart();
    }
  }

  /** Zeroes the parts of [offset, end) that lie outside the whole blocks [first, last). */
  #zeroOutside(inode: Inode, offset: number, end: number, first: number, last: number): void {
    const { writer } = this.#parts;
    if (first >= last) {
      writer.zero(inode, offset, end);
      return;
    }
    writer.zero(inode, offset, first * this.#blockSize);
    writer.zero(inode, last * this.#blockSize, end);
  }
}
