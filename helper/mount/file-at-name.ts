import { linkSync, renameSync, rmSync, statSync } from 'node:fs';

/**
 * A file that belongs to one mount, under a name that is made of the mount's number: as soon as the kernel has
 * taken the number back it may be another mount's, and the name with it.
 */
export interface FileAtName {
  readonly path: string;
  /** Undefined if there was none. */
  readonly inode: number | undefined;
}

const inodeAt = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino;

export const fileAt = (path: string): FileAtName => ({ path, inode: inodeAt(path) });

/** Leaves what was put there since. */
export function removeIfSame({ path, inode }: FileAtName): void {
  if (inode === undefined || inodeAt(path) !== inode) return;
  // Looking and removing are two steps, and another mount may take the name between them: what is removed is looked at.
  const aside = `${path}.removed-by-${process.pid}`;
  try {
    renameSync(path, aside);
    try {
      if (inodeAt(aside) !== inode) linkSync(aside, path);
    } finally {
      rmSync(aside);
    }
  } catch {
    // The broker's to remove, which it does when it comes across it; or somebody else has removed it, or has the name.
  }
}
