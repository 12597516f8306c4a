import { errno, OperationError } from '../server/ext4/errors.js';
import type { InodeNumber } from '../server/ext4/units.js';
import { ImageDirent } from './dirent.js';
import { ImageError } from './errors.js';
import type { OpenImage } from './open-image.js';
import { FIRST_PLACE, type TreeEntry } from './tree.js';

/** Entries fetched in one go: a directory of any size is read in bounded memory. */
const BATCH = 512;

/**
 * The entries of a directory except `.` and `..`, in the order of the disk, fetched as they are asked for.
 * @throws ImageError
 */
export function* listDirectory(image: OpenImage, inode: InodeNumber, path: string): Generator<TreeEntry> {
  let place: number | undefined = FIRST_PLACE;
  while (place !== undefined) {
    const from: number = place;
    const { entries, next } = image.run('scandir', path, (tree) => tree.list(inode, from, BATCH));
    yield* entries;
    place = next;
  }
}

/** An open directory, in the shape of Node's Dir. */
export class ImageDirectory {
  readonly path: string;
  readonly #entries: Generator<TreeEntry>;
  #isOpen = true;

  constructor(image: OpenImage, inode: InodeNumber, path: string) {
    this.path = path;
    this.#entries = listDirectory(image, inode, path);
  }

  /** The next entry, null after the last. */
  async read(): Promise<ImageDirent | null> {
    if (!this.#isOpen) throw new ImageError(errno.EBADF, 'readdir', this.path, new OperationError(errno.EBADF, 'the directory was closed'));
    const next = this.#entries.next();
    if (next.done === true) return null;
    const { name, inode, type } = next.value;
    return new ImageDirent(name.toString(), inode, this.path, type);
  }

  async close(): Promise<void> {
    this.#isOpen = false;
  }

  /** Closes the directory at its end, as Node's does. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ImageDirent, undefined> {
    try {
      for (let entry = await this.read(); entry !== null; entry = await this.read()) yield entry;
    } finally {
      await this.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
