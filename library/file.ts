import { Readable } from 'node:stream';
import { errno, OperationError } from '../server/ext4/errors.js';
import type { InodeNumber } from '../server/ext4/units.js';
import { ImageError } from './errors.js';
import { PIECE, type OpenImage } from './open-image.js';
import type { ImageStats } from './stats.js';

/** Node refuses to read more than this into one buffer; so do we, before memory for it is asked for. */
const LARGEST_READ_FILE = 2 ** 31 - 1;

export interface ReadOptions {
  readonly buffer: Uint8Array;
  readonly offset?: number | undefined;
  readonly length?: number | undefined;
  readonly position?: number | null | undefined;
}

export interface ReadResult {
  readonly bytesRead: number;
  readonly buffer: Uint8Array;
}

export interface StreamOptions {
  /** First byte, default 0. */
  readonly start?: number | undefined;
  /** Last byte, inclusive as in `node:fs`; default the end of the file. */
  readonly end?: number | undefined;
  /** Bytes per piece. */
  readonly highWaterMark?: number | undefined;
}

/** An open file, in the shape of Node's FileHandle. */
export class ImageFile {
  readonly path: string;
  readonly #image: OpenImage;
  readonly #inode: InodeNumber;
  #position = 0;
  #isOpen = true;

  constructor(image: OpenImage, inode: InodeNumber, path: string) {
    this.#image = image;
    this.#inode = inode;
    this.path = path;
  }

  /**
   * Reads into `buffer` from `position`, or from where the last such read ended if that is null.
   * Takes the arguments one by one or as an object, as FileHandle does.
   */
  async read(buffer: Uint8Array, offset?: number, length?: number, position?: number | null): Promise<ReadResult>;
  async read(options: ReadOptions): Promise<ReadResult>;
  async read(what: Uint8Array | ReadOptions, offset?: number, length?: number, position?: number | null): Promise<ReadResult> {
    const options: ReadOptions = what instanceof Uint8Array ? { buffer: what, offset, length, position } : what;
    this.#mustBeOpen('read');
    const { buffer } = options;
    const from = options.offset ?? 0;
    const count = options.length ?? buffer.byteLength - from;
    if (!(from >= 0 && count >= 0 && from + count <= buffer.byteLength)) {
      throw new RangeError(`offset ${from} and length ${count} do not fit a buffer of ${buffer.byteLength} bytes`);
    }
    const at = options.position ?? this.#position;
    if (!Number.isSafeInteger(at) || at < 0) throw new RangeError(`position ${at} is not a byte offset`);
    const bytesRead = await this.#image.read(this.#inode, this.path, buffer.subarray(from, from + count), at);
    if (options.position === undefined || options.position === null) this.#position = at + bytesRead;
    return { bytesRead, buffer };
  }

  /** The whole file, wherever the position is. */
  async readFile(): Promise<Buffer>;
  async readFile(encoding: BufferEncoding): Promise<string>;
  async readFile(encoding?: BufferEncoding): Promise<Buffer | string>;
  async readFile(encoding?: BufferEncoding): Promise<Buffer | string> {
    this.#mustBeOpen('read');
    const size = this.#image.run('read', this.path, (tree) => tree.fileSize(this.#inode));
    if (size > LARGEST_READ_FILE) {
      throw Object.assign(new RangeError(`File size (${size}) is greater than 2 GiB`), { code: 'ERR_FS_FILE_TOO_LARGE' });
    }
    const contents = Buffer.alloc(size);
    const count = await this.#image.read(this.#inode, this.path, contents, 0);
    const whole = contents.subarray(0, count);
    return encoding === undefined ? whole : whole.toString(encoding);
  }

  async stat(): Promise<ImageStats> {
    this.#mustBeOpen('fstat');
    return this.#image.run('fstat', this.path, (tree) => tree.stats(this.#inode));
  }

  /**
   * The first offset at or after `offset` that is data, or a hole, as lseek(2) finds it.
   * @returns -1 where there is none
   */
  async seek(offset: number, whence: 'data' | 'hole'): Promise<number> {
    this.#mustBeOpen('lseek');
    return this.#image.run('lseek', this.path, (tree) => tree.seek(this.#inode, offset, whence));
  }

  createReadStream({ start = 0, end = Number.MAX_SAFE_INTEGER, highWaterMark = PIECE }: StreamOptions = {}): Readable {
    this.#mustBeOpen('read');
    return Readable.from(this.#pieces(start, end, highWaterMark), { objectMode: false });
  }

  async close(): Promise<void> {
    this.#isOpen = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#pieces(start: number, end: number, pieceSize: number): AsyncGenerator<Buffer> {
    let at = start;
    while (at <= end) {
      const piece = Buffer.alloc(Math.min(pieceSize, end - at + 1));
      const count = await this.#image.read(this.#inode, this.path, piece, at);
      if (count > 0) yield piece.subarray(0, count);
      if (count < piece.length) return;
      at += count;
    }
  }

  #mustBeOpen(syscall: string): void {
    if (!this.#isOpen) throw new ImageError(errno.EBADF, syscall, this.path, new OperationError(errno.EBADF, 'the file was closed'));
  }
}
