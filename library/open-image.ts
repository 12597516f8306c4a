import { errno } from '../server/ext4/errors.js';
import type { Filesystem } from '../server/ext4/filesystem.js';
import type { InodeNumber } from '../server/ext4/units.js';
import { attempt, ImageError } from './errors.js';
import { Tree } from './tree.js';

/** Bytes read before other work of the process gets its turn: about a millisecond's worth. */
export const PIECE = 4 << 20;

/**
 * The filesystem behind the promises. Every operation runs to its end in one go, and the caches are
 * brought back under their budgets after it: what outlives an operation is inode numbers, never inodes.
 */
export class OpenImage {
  readonly #tree: Tree;
  readonly #close: () => void;
  #isOpen = true;

  /** @param close lets go of what was opened for this image */
  constructor(filesystem: Filesystem, close: () => void) {
    this.#tree = new Tree(filesystem);
    this.#close = close;
  }

  /**
   * @param path what errors name
   * @throws ImageError
   */
  run<Result>(syscall: string, path: string | undefined, operation: (tree: Tree) => Result): Result {
    if (!this.#isOpen) throw new ImageError(errno.EBADF, syscall, path, new Error('the filesystem was closed'));
    try {
      return attempt(syscall, path, () => operation(this.#tree));
    } finally {
      this.#tree.filesystem.trim();
    }
  }

  /**
   * Fills `target` from `offset` of a file, in pieces, with a turn of the event loop between them.
   * @returns bytes read, fewer than wanted only at the end of the file
   */
  async read(inode: InodeNumber, path: string, target: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const wanted = Math.min(PIECE, target.length - done);
      const count = this.run('read', path, (tree) => tree.read(inode, offset + done, target.subarray(done, done + wanted)));
      done += count;
      if (count < wanted) break;
      if (done < target.length) await new Promise(setImmediate);
    }
    return done;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#close();
  }
}
