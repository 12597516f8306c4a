import type { BlockCache } from './cache/block-cache.js';
import { CorruptionError } from './errors.js';
import type { InlineData } from './inline-data.js';
import type { Inode } from './inode.js';
import { I_BLOCK, I_BLOCK_SIZE } from './layout/inode.js';
import type { Superblock } from './layout/superblock.js';
import type { FileMapping } from './mapping/file-mapping.js';
import { MappedRange, RangeState } from './mapping/mapping.js';
import { logicalBlock } from './units.js';

const SECTOR_SIZE = 512;
/** Length of the ciphertext, before it. */
const CIPHERTEXT_HEADER = 2;
/** Targets are padded to at least one cipher block. */
const SHORTEST_CIPHERTEXT = 16;

/**
 * Shows a ciphertext at bytes[start, end) as a name, without the key: writes it to target[targetOffset…]
 * and returns its length.
 */
export type PresentCiphertext = (bytes: Uint8Array, start: number, end: number, target: Uint8Array, targetOffset: number) => number;

export interface SymbolicLinksParts {
  readonly superblock: Superblock;
  readonly cache: BlockCache;
  readonly mapping: FileMapping;
  readonly inline: InlineData;
  readonly presentCiphertext: PresentCiphertext;
}

/** Targets of symbolic links: in i_block (fast), inline, or in the first block. */
export class SymbolicLinks {
  readonly #parts: SymbolicLinksParts;
  readonly #range = new MappedRange();
  /** Where the target was found. */
  #bytes = new Uint8Array(0) as Uint8Array;
  #start = 0;
  #end = 0;

  constructor(parts: SymbolicLinksParts) {
    this.#parts = parts;
  }

  /** Room that `read` needs at most: a target fills no more than a block, its encrypted form is longer by a third. */
  get longest(): number {
    return this.#parts.superblock.blockSize * 2;
  }

  /**
   * @param target has room for `longest` bytes at targetOffset
   * @returns the length of the link's target
   * @throws CorruptionError
   */
  read(inode: Inode, target: Uint8Array, targetOffset: number): number {
    if (inode.hasFlag('ENCRYPT')) return this.#readEncrypted(inode, target, targetOffset);
    if (this.isFast(inode)) {
      this.#locateFast(inode);
    } else if (inode.hasFlag('INLINE_DATA')) {
      const length = Math.min(inode.size, this.#parts.superblock.blockSize);
      return this.#parts.inline.read(inode, 0, length, target, targetOffset);
    } else {
      this.#locateBlock(inode);
      this.#end = Math.min(inode.size, this.#parts.superblock.blockSize - 1);
    }
    const nul = this.#bytes.indexOf(0, this.#start);
    const end = nul >= 0 && nul < this.#end ? nul : this.#end;
    target.set(this.#bytes.subarray(this.#start, end), targetOffset);
    return end - this.#start;
  }

  /** The size that stat(2) shows: an encrypted target is longer as it is shown than as it is stored. */
  shownLength(inode: Inode): number {
    if (!inode.hasFlag('ENCRYPT')) return inode.size;
    try {
      return this.#readEncrypted(inode, new Uint8Array(this.longest), 0);
    } catch (error) {
      if (error instanceof CorruptionError) return inode.size;
      throw error;
    }
  }

  /**
   * Whether the target is in i_block, by the kernel's rule: the inode has no blocks but that of its
   * attributes. With ea_inode the count of blocks includes values in other inodes, and the size decides.
   */
  isFast(inode: Inode): boolean {
    const { features, clusterSize } = this.#parts.superblock;
    if (features.hasIncompat('EA_INODE')) return inode.size > 0 && inode.size < I_BLOCK_SIZE;
    if (inode.hasFlag('INLINE_DATA')) return false;
    return inode.sectors === (inode.xattrBlock === 0 ? 0 : clusterSize / SECTOR_SIZE);
  }

  #locateFast(inode: Inode): void {
    const start = inode.offset + I_BLOCK;
    const { size } = inode;
    const nul = inode.bytes.indexOf(0, start);
    if (size === 0 || size >= I_BLOCK_SIZE || nul !== start + size) {
      throw new CorruptionError('symbolic link', { inode: inode.number }, `a target of ${size} bytes does not fill its place in the inode`);
    }
    this.#bytes = inode.bytes;
    this.#start = start;
    this.#end = start + size;
  }

  #locateBlock(inode: Inode): void {
    const range = this.#range;
    this.#parts.mapping.map(inode, logicalBlock(0), range);
    if (range.state !== RangeState.Written || inode.size === 0) {
      throw new CorruptionError('symbolic link', { inode: inode.number }, 'the target is missing');
    }
    this.#bytes = this.#parts.cache.get(range.physical).bytes;
    this.#start = 0;
    this.#end = this.#bytes.length;
  }

  #readEncrypted(inode: Inode, target: Uint8Array, targetOffset: number): number {
    if (this.isFast(inode)) {
      this.#bytes = inode.bytes;
      this.#start = inode.offset + I_BLOCK;
      this.#end = this.#start + I_BLOCK_SIZE;
    } else {
      this.#locateBlock(inode);
    }
    const length = (this.#bytes[this.#start] as number) | ((this.#bytes[this.#start + 1] as number) << 8);
    const start = this.#start + CIPHERTEXT_HEADER;
    if (length < SHORTEST_CIPHERTEXT || start + length > this.#end) {
      throw new CorruptionError('symbolic link', { inode: inode.number }, `an encrypted target of ${length} bytes does not fit its place`);
    }
    return this.#parts.presentCiphertext(this.#bytes, start, start + length, target, targetOffset);
  }
}
