import type { InodeAllocator } from '../allocation/inode-allocator.js';
import type { Clock } from '../clock.js';
import type { FileWriter } from '../file-writer.js';
import type { InodeCache } from '../cache/inode-cache.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import { inodeNumber, type InodeNumber } from '../units.js';
import type { Orphans } from './orphans.js';

export interface ReaperParts {
  readonly inodes: InodeCache;
  readonly transactions: Transactions;
  readonly editor: InodeEditor;
  readonly allocator: InodeAllocator;
  readonly writer: FileWriter;
  readonly orphans: Orphans;
  readonly clock: Clock;
  /** Whether an inode keeps its contents in blocks of its own, rather than in i_block. */
  readonly hasBlocks: (inode: Inode) => boolean;
  /** Gives up an inode's extended attributes: its block, and inodes that hold values. */
  readonly releaseAttributes: (inode: Inode) => void;
}

/**
 * Frees what files own, in as many handles as it takes: an inode that is being shortened or deleted
 * is on the orphan list meanwhile, so that a crash at any point is finished at the next mount.
 */
export class Reaper {
  readonly #parts: ReaperParts;

  constructor(parts: ReaperParts) {
    this.#parts = parts;
  }

  /** Shortens or grows a file. */
  truncate(inode: Inode, size: number): void {
    const { orphans, writer } = this.#parts;
    const grows = size > inode.size;
    writer.resize(inode, size);
    // To the size that it has: what was reserved past its end goes.
    if (grows) return;
    if (writer.releaseTail(inode, false)) return;
    const wasOrphan = orphans.has(inode.number);
    if (!wasOrphan) orphans.add(inode);
    this.#finish(inode, false);
    if (!wasOrphan) orphans.remove(inode);
  }

  /** Frees an inode that has no name left and is not in use; it must be on the orphan list. */
  reap(number: InodeNumber): void {
    const { inodes, editor, orphans, allocator, clock, hasBlocks, releaseAttributes } = this.#parts;
    const inode = inodes.get(number);
    if (hasBlocks(inode)) {
      editor.setSize(inode, 0);
      this.#finish(inode, !inode.isRegular);
    }
    releaseAttributes(inode);
    orphans.remove(inode);
    editor.setSize(inode, 0);
    editor.setDeletionTime(inode, clock.seconds >>> 0);
    allocator.free(number, inode.isDirectory);
  }

  /** Finishes at mount time what a crash interrupted. @returns how many inodes were deleted, and shortened */
  recover(): { deleted: number; truncated: number } {
    const { inodes, transactions, orphans, writer, hasBlocks } = this.#parts;
    let deleted = 0;
    let truncated = 0;
    for (const number of orphans.all()) {
      transactions.begin();
      try {
        const inode = inodes.get(inodeNumber(number));
        if (inode.links === 0) {
          this.reap(inode.number);
          deleted++;
        } else {
          if (hasBlocks(inode)) {
            writer.resize(inode, inode.size);
            this.#finish(inode, false);
          }
          orphans.remove(inode);
          truncated++;
        }
        transactions.end();
      } catch (error) {
        transactions.abort();
        throw error;
      }
    }
    return { deleted, truncated };
  }

  #finish(inode: Inode, journalled: boolean): void {
    const { transactions, writer } = this.#parts;
    while (!writer.releaseTail(inode, journalled)) transactions.restart();
  }
}

