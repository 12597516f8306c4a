import { CorruptionError, DeviceError, type FilesystemError } from '../errors.js';
import type { InodeAllocator } from '../allocation/inode-allocator.js';
import type { Clock } from '../clock.js';
import type { FileWriter } from '../file-writer.js';
import type { InodeCache } from '../cache/inode-cache.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import { InodeFlags } from '../layout/inode.js';
import type { QuotaCharges } from '../quota/charges.js';
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
  readonly charges: QuotaCharges;
  /** Gives up an inode's extended attributes: its block, and inodes that hold values. */
  readonly releaseAttributes: (inode: Inode) => void;
  /** Told of inodes that have to stay on the orphan list. */
  readonly report: (problem: FilesystemError) => void;
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
    // To the size that it has: what was reserved past its end goes. Also where it seems to grow, if it was
    // longer for whoever writes its data.
    if (grows && !writer.isWrittenElsewhere(inode)) return;
    if (!writer.releaseTail(inode, false)) {
      orphans.add(inode);
      this.#finish(inode, false);
    }
    if (inode.links > 0 && orphans.has(inode.number)) orphans.remove(inode);
  }

  /** Frees an inode that has no name left and is not in use; it must be on the orphan list. */
  reap(number: InodeNumber): void {
    const { inodes, editor, orphans, allocator, charges, clock, releaseAttributes } = this.#parts;
    const inode = inodes.get(number);
    if (hasBlocks(inode)) {
      editor.setSize(inode, 0);
      this.#finish(inode, !inode.isRegular);
    }
    releaseAttributes(inode);
    orphans.remove(inode);
    editor.setSize(inode, 0);
    editor.setDeletionTime(inode, clock.seconds >>> 0);
    charges.chargeInodes(inode, -1);
    allocator.free(number, inode.isDirectory);
  }

  /**
   * Finishes what a crash interrupted, or a close. An inode for which that fails stays on the list, for
   * the next mount or e2fsck; the others go.
   */
  recover(): void {
    const { transactions, orphans, report } = this.#parts;
    for (const number of orphans.all()) {
      transactions.begin();
      try {
        this.settle(inodeNumber(number));
        transactions.end();
      } catch (error) {
        transactions.abort();
        if (transactions.aborted !== undefined || !(error instanceof CorruptionError || error instanceof DeviceError)) throw error;
        report(new CorruptionError('orphan list', { inode: number }, `the inode can be neither deleted nor shortened, and stays on the list: ${error.message}`));
      }
    }
  }

  /** Brings what an inode is on the orphan list for to its end: it is freed, or has nothing past its size. */
  settle(number: InodeNumber): void {
    const { inodes, orphans, writer } = this.#parts;
    const inode = inodes.get(number);
    if (inode.links === 0) {
      this.reap(number);
      return;
    }
    if (hasBlocks(inode)) {
      writer.resize(inode, inode.size);
      this.#finish(inode, false);
    }
    orphans.remove(inode);
  }

  #finish(inode: Inode, journalled: boolean): void {
    const { transactions, writer } = this.#parts;
    while (!writer.releaseTail(inode, journalled)) transactions.restart();
  }
}

/** Devices, pipes, sockets and short symbolic links keep all they are in the inode, as does inline data. */
function hasBlocks(inode: Inode): boolean {
  if ((inode.flags & InodeFlags.INLINE_DATA) !== 0) return false;
  return inode.isRegular || inode.isDirectory || (inode.isSymlink && inode.size >= 60);
}
