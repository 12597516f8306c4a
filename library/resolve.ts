import { errno, OperationError } from '../server/ext4/errors.js';
import type { Inode } from '../server/ext4/inode.js';
import { ROOT_INODE, type InodeNumber } from '../server/ext4/units.js';
import { endsInSlash, isDot, isDotDot, SLASH, splitPath } from './path.js';
import type { Tree } from './tree.js';

const MOST_LINKS = 40;
const LONGEST_NAME = 255;

interface Step {
  readonly inode: InodeNumber;
  readonly name: Buffer;
}

export interface Resolved {
  readonly inode: InodeNumber;
  /** The path without symbolic links, `.` and `..`. */
  readonly path: Buffer;
}

/**
 * Walks a path from the image's root. Symbolic links are followed inside the image only: an absolute
 * target begins at the image's root, and `..` of the root is the root.
 *
 * @param followLast whether a symbolic link at the end is followed
 * @throws OperationError ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG
 * @throws CorruptionError
 */
export function resolvePath(tree: Tree, path: Buffer, followLast: boolean): Resolved {
  if (path.length === 0) throw new OperationError(errno.ENOENT, 'the path is empty');
  const trail: Step[] = [{ inode: ROOT_INODE, name: Buffer.alloc(0) }];
  const pending = splitPath(path).reverse();
  let directoryWanted = endsInSlash(path);
  let links = 0;

  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const parent = directory(tree, trail);
    if (isDot(name)) continue;
    if (isDotDot(name)) {
      if (trail.length > 1) trail.pop();
      continue;
    }
    if (name.length > LONGEST_NAME) throw new OperationError(errno.ENAMETOOLONG, `a name of ${name.length} bytes`);
    const child = tree.lookup(parent, name);
    if (child === undefined) throw new OperationError(errno.ENOENT, `inode ${parent.number} has no entry '${name.toString()}'`);

    const isLast = pending.length === 0;
    if (!child.isSymlink || (isLast && !followLast && !directoryWanted)) {
      trail.push({ inode: child.number, name });
      continue;
    }
    if (++links > MOST_LINKS) throw new OperationError(errno.ELOOP, `more than ${MOST_LINKS} symbolic links`);
    const target = tree.readLink(child);
    if (target[0] === SLASH) trail.length = 1;
    if (isLast && endsInSlash(target)) directoryWanted = true;
    pending.push(...splitPath(target).reverse());
  }

  if (directoryWanted) directory(tree, trail);
  const end = trail.at(-1) as Step;
  return { inode: end.inode, path: Buffer.concat(trail.slice(1).flatMap(({ name }) => [Buffer.from('/'), name])) };
}

/** Where the walk stands, which must be a directory to go on. */
function directory(tree: Tree, trail: readonly Step[]): Inode {
  const inode = tree.inode((trail.at(-1) as Step).inode);
  if (!inode.isDirectory) throw new OperationError(errno.ENOTDIR, `inode ${inode.number} is not a directory`);
  return inode;
}
