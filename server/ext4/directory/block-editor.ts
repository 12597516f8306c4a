import { Verified, type CachedBlock } from '../cache/block-cache.js';
import { errno, OperationError } from '../errors.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import * as entries from '../layout/directory-entry.js';
import * as htree from '../layout/htree.js';
import type { FileSpace, SpaceWish } from '../mapping/file-space.js';
import { logicalBlock, physicalBlock, type PhysicalBlock } from '../units.js';
import type { DirectoryBlocks } from './blocks.js';
import type { EntryRules, EntryRun } from './entry-run.js';

const WISH: SpaceWish = { unwritten: false, streaming: false };

export interface AppendedBlock {
  readonly block: CachedBlock;
  readonly logical: number;
}

/** Blocks of directories as parts of the transaction: changing them, and adding new ones at the end. */
export class DirectoryBlockEditor {
  readonly #blocks: DirectoryBlocks;
  readonly #rules: EntryRules;
  readonly #transactions: Transactions;
  readonly #files: FileSpace;
  readonly #inodes: InodeEditor;

  constructor(blocks: DirectoryBlocks, rules: EntryRules, transactions: Transactions, files: FileSpace, inodes: InodeEditor) {
    this.#blocks = blocks;
    this.#rules = rules;
    this.#transactions = transactions;
    this.#files = files;
    this.#inodes = inodes;
  }

  modifyLeaf(dir: Inode, block: CachedBlock): void {
    this.#transactions.modify(block, Verified.DirectoryLeaf, dir.checksumSeed);
    this.#blocks.changing(block);
  }

  modifyNode(dir: Inode, block: CachedBlock): void {
    this.#transactions.modify(block, Verified.HtreeNode, dir.checksumSeed);
    this.#blocks.changing(block);
  }

  /**
   * Appends a block of zeros to the directory.
   * @throws OperationError ENOSPC, EFBIG
   */
  append(dir: Inode, as: typeof Verified.DirectoryLeaf | typeof Verified.HtreeNode): AppendedBlock {
    const { blockSize } = this.#rules;
    const logical = Math.ceil(dir.size / blockSize);
    let physical: PhysicalBlock = physicalBlock(0);
    this.#files.fill(dir, logicalBlock(logical), logical + 1, WISH, (_logical, _length, start) => {
      physical = start;
    });
    if (physical === 0) throw new OperationError(errno.EFBIG, `directory ${dir.number} has a block past its end`);
    const block = this.#transactions.create(physical, as, dir.checksumSeed, dir.number);
    this.#inodes.setSize(dir, (logical + 1) * blockSize);
    return { block, logical };
  }

  /** Makes a new block an empty leaf, and `run` its entries. */
  initialiseLeaf(block: CachedBlock, run: EntryRun): void {
    const { blockSize, hasChecksums } = this.#rules;
    const end = hasChecksums ? blockSize - entries.TAIL_SIZE : blockSize;
    block.bytes.fill(0);
    run.set(block.bytes, block.view, 0, end, block.number);
    entries.setRecordLength(block.view, 0, end);
    if (hasChecksums) entries.writeTail(block.view, end);
  }

  /** Makes a new block an index node without entries. */
  initialiseNode(block: CachedBlock): void {
    const { blockSize, hasChecksums } = this.#rules;
    entries.setRecordLength(block.view, 0, blockSize);
    const reserved = htree.NODE_ENTRIES + (hasChecksums ? htree.INDEX_TAIL_SIZE : 0);
    htree.setIndexLimit(block.view, htree.NODE_ENTRIES, htree.indexCapacity(blockSize, reserved));
  }
}
