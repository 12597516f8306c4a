import type { Inode } from '../inode.js';
import type { InodeNumber } from '../units.js';
import type { Name } from './name.js';

/** What the namespace needs of directories. Changes are made inside a handle; times and link counts are the caller's. */
export interface DirectoryEditor {
  /** @returns the inode number, 0 where there is no such name */
  lookup(directory: Inode, name: Name): number;
  /** Whether nothing but "." and ".." is in it. */
  isEmpty(directory: Inode): boolean;
  /** Writes "." and ".." into a directory that was just made. */
  initialise(directory: Inode, parent: Inode): void;
  /**
   * Adds an entry for a name that is not there.
   * @param type file type as entries record it, 0 where the filesystem does not
   * @throws OperationError ENOSPC, ENAMETOOLONG, EINVAL (a name that a strict encoding refuses)
   */
  add(directory: Inode, name: Name, target: InodeNumber, type: number): void;
  /** Points an existing entry at another inode. */
  replace(directory: Inode, name: Name, target: InodeNumber, type: number): void;
  remove(directory: Inode, name: Name): void;
  /** Changes "..". */
  setParent(directory: Inode, parent: Inode): void;
}
