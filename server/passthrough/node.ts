import { ESTALE, TreeError } from './errors.js';
import type { Decision } from './policy.js';

const TYPE = 0o170000;
const DIRECTORY = 0o040000;
const REGULAR = 0o100000;

/** A file that the kernel of the mount knows: an inode, held by a descriptor, under the name by which it was last found. */
export interface TreeNode {
  readonly nodeid: number;
  readonly inode: number;
  /** Open for its place only (O_PATH). */
  readonly descriptor: number;
  readonly mode: number;
  /** How often the kernel was told of it, less what it has forgotten. */
  lookups: number;
  /** Undefined for the root. */
  parent: TreeNode | undefined;
  /** Bytes, each as one character. */
  name: string;
  decision: Decision;
  /** Open files that the kernel caches, or asks the server for. */
  cachedOpens: number;
  backing: Backing | undefined;
  /** The kernel is told what others change of it. */
  isWatched: boolean;
  /** When it is worth while, by performance.now(); 0: nobody has asked yet. */
  watchedFrom: number;
  /** When the kernel last asked for it while it was watched. */
  usedAt: number;
}

/** A file that the kernel reads and writes itself. */
export interface Backing {
  readonly id: number;
  readonly descriptor: number;
  opens: number;
  /** The kernel may write it. */
  isWritten: boolean;
}

export const isDirectory = ({ mode }: TreeNode): boolean => (mode & TYPE) === DIRECTORY;
export const isRegular = ({ mode }: TreeNode): boolean => (mode & TYPE) === REGULAR;

/** Others may move directories while we remember where they were: that can seem to be a circle, until they are found anew. */
const DEEPEST = 4096;

/** From the root of the tree, which is "". */
export function pathOf(node: TreeNode): string {
  let path = '';
  let depth = 0;
  for (let at = node; at.parent !== undefined; at = at.parent) {
    path = `/${at.name}${path}`;
    if (++depth > DEEPEST) throw new TreeError(ESTALE, 'where the directory is now is not known');
  }
  return path;
}

export const childPath = (directory: TreeNode, name: string): string => `${pathOf(directory)}/${name}`;
