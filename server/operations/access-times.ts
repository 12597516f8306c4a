import { FilesystemError } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import { Times } from '../ext4/layout/inode.js';
import type { WritableFilesystem } from '../ext4/writable-filesystem.js';
import type { AccessTimeOptions } from './options.js';
import type { AccessListener } from './volume.js';

const DAY_SECONDS = 86_400;
/** open(2)'s flags of whoever reads, as the kernel passes them on. */
const ACCESS_MODE = 3;
const WRITE_ONLY = 1;
const NO_ACCESS_TIME = 0x40000;

/**
 * Access times of what is read: the kernel leaves them to the server, and forgets what it knew of one
 * with each request that reads. What it answers from its caches changes none.
 */
export class AccessTimes implements AccessListener {
  /** A remount changes them. */
  options: AccessTimeOptions;
  /** Inodes whose times the kernel keeps. */
  keptElsewhere: ((inode: Inode) => boolean) | undefined;
  readonly #writable: WritableFilesystem;

  constructor(writable: WritableFilesystem, options: AccessTimeOptions) {
    this.#writable = writable;
    this.options = options;
  }

  accessed(inode: Inode, openFlags: number): void {
    if (this.keptElsewhere?.(inode) === true || !this.#isDue(inode)) return;
    // A cached write of part of a page reads the rest of it, and is no access.
    if ((openFlags & NO_ACCESS_TIME) !== 0 || (openFlags & ACCESS_MODE) === WRITE_ONLY) return;
    if (inode.hasFlag('NOATIME') || (inode.isDirectory && !this.options.directories)) return;
    this.#set(inode);
  }

  /** With relatime: not changed since it was last read, and that less than a day ago. */
  #isDue(inode: Inode): boolean {
    const { update } = this.options;
    if (update !== 'relative') return update === 'always';
    if (!inode.isEarlier(Times.modification, Times.access) || !inode.isEarlier(Times.change, Times.access)) return true;
    return Date.now() / 1000 - inode.seconds(Times.access) >= DAY_SECONDS;
  }

  /** What was read was read, also where the time cannot be kept. */
  #set(inode: Inode): void {
    const { transactions, inodes, clock, filesystem } = this.#writable;
    if (transactions.aborted !== undefined) return;
    try {
      this.#writable.change(() => {
        inodes.setTime(inode, Times.access, clock.seconds, clock.nanoseconds);
      });
    } catch (error) {
      if (!(error instanceof FilesystemError)) throw error;
      filesystem.report(error);
    }
  }
}
