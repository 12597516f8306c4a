import type { BlockSpace } from '../allocation/block-space.js';
import { Verified, type BlockCache, type CachedBlock } from '../cache/block-cache.js';
import type { InodeCache } from '../cache/inode-cache.js';
import { CorruptionError } from '../errors.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import { QUOTA_BLOCK_SIZE } from '../layout/quota.js';
import type { FileMapping } from '../mapping/file-mapping.js';
import type { FileSpace } from '../mapping/file-space.js';
import { MappedRange, RangeState } from '../mapping/mapping.js';
import { logicalBlock, type InodeNumber, type PhysicalBlock } from '../units.js';

/** Quota blocks whose place is remembered. */
const CAPACITY = 65536;

export interface QuotaFileParts {
  readonly cache: BlockCache;
  readonly inodes: InodeCache;
  readonly mapping: FileMapping;
  readonly files: FileSpace;
  readonly editor: InodeEditor;
  readonly space: BlockSpace;
  readonly transactions: Transactions;
}

/** The blocks of 1 KiB of a hidden quota file, as parts of the filesystem's blocks. */
export class QuotaFile {
  readonly number: InodeNumber;
  readonly #parts: QuotaFileParts;
  readonly #perBlock: number;
  readonly #places = new Map<number, PhysicalBlock>();
  readonly #range = new MappedRange();

  constructor(parts: QuotaFileParts, number: InodeNumber) {
    this.number = number;
    this.#parts = parts;
    this.#perBlock = parts.cache.blockSize / QUOTA_BLOCK_SIZE;
    parts.transactions.listen(this);
  }

  /** How many whole quota blocks its size has room for. */
  get length(): number {
    return Math.floor(this.#inode.size / QUOTA_BLOCK_SIZE);
  }

  /** The filesystem's block that holds quota block `index`, at `offset(index)`. @throws CorruptionError */
  read(index: number): CachedBlock {
    return this.#parts.cache.get(this.#place(Math.floor(index / this.#perBlock)));
  }

  /** The same, to be changed. */
  modify(index: number): CachedBlock {
    const block = this.read(index);
    this.#parts.transactions.modify(block, Verified.QuotaFile, 0);
    return block;
  }

  offset(index: number): number {
    return (index % this.#perBlock) * QUOTA_BLOCK_SIZE;
  }

  /** Makes sure that quota block `index` exists; what follows the last one does not before. */
  extendTo(index: number): void {
    const { files, editor, mapping, transactions } = this.#parts;
    const inode = this.#inode;
    const logical = logicalBlock(Math.floor(index / this.#perBlock));
    mapping.map(inode, logical, this.#range);
    if (this.#range.state === RangeState.Hole) {
      files.fill(inode, logical, logical + 1, { unwritten: false, privileged: true, streaming: false }, (_logical, _length, physical) => {
        transactions.create(physical, Verified.QuotaFile, 0, this.number);
      });
    }
    const end = (index + 1) * QUOTA_BLOCK_SIZE;
    if (end > inode.size) editor.setSize(inode, end);
  }

  undone(): void {
    this.#places.clear();
  }

  get #inode(): Inode {
    return this.#parts.inodes.get(this.number);
  }

  #place(logical: number): PhysicalBlock {
    const known = this.#places.get(logical);
    if (known !== undefined) return known;
    const { mapping, space } = this.#parts;
    const range = this.#range;
    mapping.map(this.#inode, logicalBlock(logical), range);
    if (range.state !== RangeState.Written || !space.isFileSpace(range.physical, 1)) {
      throw new CorruptionError('quota file', { inode: this.number }, `block ${logical} is not in the space of files`);
    }
    if (this.#places.size >= CAPACITY) this.#places.clear();
    this.#places.set(logical, range.physical);
    return range.physical;
  }
}
