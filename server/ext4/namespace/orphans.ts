import type { InodeCache } from '../cache/inode-cache.js';
import { CorruptionError } from '../errors.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { TransactionListener } from '../journal/transaction-listener.js';
import type { Transactions } from '../journal/transactions.js';
import { inodeNumber, type InodeNumber } from '../units.js';

/** s_last_orphan, to be changed inside a handle. */
export interface OrphanHead {
  readonly lastOrphan: number;
  setLastOrphan(inode: InodeNumber | 0): void;
}

/**
 * The list of inodes that a crash would leave half-done: without a name but in use, or being
 * shortened. It begins in the superblock and goes on through i_dtime
 * (Documentation/filesystems/ext4/orphan.rst).
 */
export class Orphans implements TransactionListener {
  readonly #head: OrphanHead;
  readonly #inodes: InodeCache;
  readonly #editor: InodeEditor;
  readonly #inodesCount: number;
  /** Who points at whom, 0 for the superblock: the list on disk leads only one way. Undefined when out of date. */
  #previous: Map<number, number> | undefined;

  constructor(head: OrphanHead, inodes: InodeCache, editor: InodeEditor, transactions: Transactions, inodesCount: number) {
    this.#head = head;
    this.#inodes = inodes;
    this.#editor = editor;
    this.#inodesCount = inodesCount;
    transactions.listen(this);
  }

  get isEmpty(): boolean {
    return this.#head.lastOrphan === 0;
  }

  /** Puts an inode at the head of the list, unless it is on it. */
  add(inode: Inode): void {
    if (this.has(inode.number)) return;
    const previous = this.#links();
    const next = this.#head.lastOrphan;
    this.#editor.setDeletionTime(inode, next);
    this.#head.setLastOrphan(inode.number);
    if (next !== 0) previous.set(next, inode.number);
    previous.set(inode.number, 0);
  }

  /** Takes an inode off the list, wherever it is. */
  remove(inode: Inode): void {
    const previous = this.#links();
    const before = previous.get(inode.number);
    if (before === undefined) throw new CorruptionError('orphan list', { inode: inode.number }, 'the inode is not on the list');
    const next = inode.deletionTime;
    if (before === 0) this.#head.setLastOrphan(inodeNumber(next));
    else this.#editor.setDeletionTime(this.#inodes.get(inodeNumber(before)), next);
    this.#editor.setDeletionTime(inode, 0);
    previous.delete(inode.number);
    if (next !== 0) previous.set(next, before);
  }

  has(number: InodeNumber): boolean {
    return this.#links().has(number);
  }

  /** The numbers on the list, the latest first. */
  all(): number[] {
    return [...this.#links().keys()];
  }

  undone(): void {
    this.#previous = undefined;
  }

  /** @throws CorruptionError where the list leads to an inode that is not there, or round in circles */
  #links(): Map<number, number> {
    if (this.#previous !== undefined) return this.#previous;
    const previous = new Map<number, number>();
    let before = 0;
    for (let number = this.#head.lastOrphan; number !== 0; ) {
      if (number > this.#inodesCount || previous.has(number)) {
        throw new CorruptionError('orphan list', { inode: number }, 'the list leads nowhere, or round in circles');
      }
      previous.set(number, before);
      before = number;
      number = this.#inodes.get(inodeNumber(number)).deletionTime;
    }
    this.#previous = previous;
    return previous;
  }
}
