import { EIO, TreeError } from './errors.js';
import type { TreeNode } from './node.js';

/** A file or directory that a program has open. */
export interface OpenFile {
  readonly node: TreeNode;
  readonly descriptor: number;
  /** For what passes all caches (O_DIRECT), where that was asked for and can be had; else -1. */
  readonly direct: number;
  /** The kernel reads and writes it itself; the descriptor is shared by all who have it open so. */
  readonly isBacked: boolean;
}

/** Open files by the handle that the kernel has for each. */
export class OpenFiles {
  readonly #files: (OpenFile | undefined)[] = [undefined];
  readonly #free: number[] = [];

  get count(): number {
    return this.#files.length - 1 - this.#free.length;
  }

  add(file: OpenFile): number {
    const handle = this.#free.pop() ?? this.#files.length;
    this.#files[handle] = file;
    return handle;
  }

  /** @throws TreeError */
  get(handle: number): OpenFile {
    const file = this.#files[handle];
    if (file === undefined) throw new TreeError(EIO, `nothing is open as ${handle}`);
    return file;
  }

  remove(handle: number): OpenFile | undefined {
    const file = this.#files[handle];
    if (file === undefined) return undefined;
    this.#files[handle] = undefined;
    this.#free.push(handle);
    return file;
  }
}
