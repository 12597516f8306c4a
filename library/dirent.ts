import type { Dirent } from 'node:fs';
import { FileType } from '../server/ext4/layout/inode.js';

/** One name in a directory: Node's `fs.Dirent`, with the inode number beside it. */
export class ImageDirent<Name extends string | Buffer = string> implements Omit<Dirent, 'name'> {
  readonly name: Name;
  readonly ino: number;
  /** The directory it is in, as it was named in the call. */
  readonly parentPath: string;
  readonly #type: number;

  /** @param type one of FileType */
  constructor(name: Name, ino: number, parentPath: string, type: number) {
    this.name = name;
    this.ino = ino;
    this.parentPath = parentPath;
    this.#type = type;
  }

  /** The older name of `parentPath`. */
  get path(): string {
    return this.parentPath;
  }

  isFile(): boolean {
    return this.#type === FileType.REGULAR;
  }

  isDirectory(): boolean {
    return this.#type === FileType.DIRECTORY;
  }

  isSymbolicLink(): boolean {
    return this.#type === FileType.SYMLINK;
  }

  isBlockDevice(): boolean {
    return this.#type === FileType.BLOCK;
  }

  isCharacterDevice(): boolean {
    return this.#type === FileType.CHARACTER;
  }

  isFIFO(): boolean {
    return this.#type === FileType.FIFO;
  }

  isSocket(): boolean {
    return this.#type === FileType.SOCKET;
  }
}
