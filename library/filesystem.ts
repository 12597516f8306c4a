import { constants } from 'node:fs';
import type { Readable } from 'node:stream';
import { errno, OperationError } from '../server/ext4/errors.js';
import type { Superblock } from '../server/ext4/layout/superblock.js';
import { ImageDirectory, listDirectory } from './directory.js';
import { ImageDirent } from './dirent.js';
import { extents, type FileExtent } from './extents.js';
import { ImageFile, type StreamOptions } from './file.js';
import type { OpenImage } from './open-image.js';
import { pathBytes, pathText, type ImagePath } from './path.js';
import { resolvePath, type Resolved } from './resolve.js';
import type { ImageStats } from './stats.js';
import type { Tree } from './tree.js';
import { walk, type WalkEntry, type WalkOptions } from './walk.js';

export interface ReadFileOptions {
  readonly encoding?: BufferEncoding | null | undefined;
}

export interface ReaddirOptions {
  /** `'buffer'` gives names as bytes, the only exact form of names that are not UTF-8. */
  readonly encoding?: BufferEncoding | 'buffer' | null | undefined;
  readonly withFileTypes?: boolean | undefined;
  /** Everything below, named relative to the directory. Symbolic links are not followed. */
  readonly recursive?: boolean | undefined;
}

/**
 * An ext2, ext3 or ext4 filesystem in an image or on a device, to be read without mounting it. The
 * methods are those of `node:fs/promises`, on paths inside the image, and nothing is ever written.
 * Permissions do not apply: whoever can read the image can read every file in it.
 */
export class ImageFilesystem {
  readonly #image: OpenImage;

  constructor(image: OpenImage) {
    this.#image = image;
  }

  async readFile(path: ImagePath, options?: ReadFileOptions & { encoding?: null | undefined } | null): Promise<Buffer>;
  async readFile(path: ImagePath, options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>;
  async readFile(path: ImagePath, options?: ReadFileOptions | BufferEncoding | null): Promise<Buffer | string>;
  async readFile(path: ImagePath, options?: ReadFileOptions | BufferEncoding | null): Promise<Buffer | string> {
    const encoding = typeof options === 'string' ? options : options?.encoding;
    const file = await this.open(path);
    return file.readFile(encoding ?? undefined);
  }

  async readdir(path: ImagePath, options?: (ReaddirOptions & { withFileTypes?: false; encoding?: BufferEncoding | null }) | BufferEncoding | null): Promise<string[]>;
  async readdir(path: ImagePath, options: (ReaddirOptions & { withFileTypes?: false; encoding: 'buffer' }) | 'buffer'): Promise<Buffer[]>;
  async readdir(path: ImagePath, options: ReaddirOptions & { withFileTypes: true; encoding?: BufferEncoding | null }): Promise<ImageDirent[]>;
  async readdir(path: ImagePath, options: ReaddirOptions & { withFileTypes: true; encoding: 'buffer' }): Promise<ImageDirent<Buffer>[]>;
  async readdir(
    path: ImagePath,
    options?: ReaddirOptions | BufferEncoding | 'buffer' | null,
  ): Promise<string[] | Buffer[] | ImageDirent[] | ImageDirent<Buffer>[]> {
    const { encoding, withFileTypes = false, recursive = false }: ReaddirOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const found = recursive ? await this.#listAll(path) : this.#list(path);
    const inBytes = encoding === 'buffer';
    if (inBytes && withFileTypes) return found.map((entry) => new ImageDirent(entry.name, entry.ino, entry.parentPath, entry.type));
    if (inBytes) return found.map(({ relative }) => relative);
    const text = (bytes: Buffer): string => bytes.toString(encoding ?? 'utf8');
    if (withFileTypes) return found.map((entry) => new ImageDirent(text(entry.name), entry.ino, entry.parentPath, entry.type));
    return found.map(({ relative }) => text(relative));
  }

  async stat(path: ImagePath): Promise<ImageStats> {
    return this.#at('stat', path, true, (tree, { inode }) => tree.stats(inode));
  }

  async lstat(path: ImagePath): Promise<ImageStats> {
    return this.#at('lstat', path, false, (tree, { inode }) => tree.stats(inode));
  }

  async readlink(path: ImagePath, options?: BufferEncoding | { encoding?: BufferEncoding | null } | null): Promise<string>;
  async readlink(path: ImagePath, options: 'buffer' | { encoding: 'buffer' }): Promise<Buffer>;
  async readlink(path: ImagePath, options?: BufferEncoding | 'buffer' | { encoding?: BufferEncoding | 'buffer' | null } | null): Promise<string | Buffer> {
    const encoding = typeof options === 'string' ? options : options?.encoding;
    const target = this.#at('readlink', path, false, (tree, { inode }) => {
      const link = tree.inode(inode);
      if (!link.isSymlink) throw new OperationError(errno.EINVAL, `inode ${inode} is not a symbolic link`);
      return tree.readLink(link);
    });
    return encoding === 'buffer' ? target : target.toString(encoding ?? 'utf8');
  }

  /** The path without symbolic links, `.` and `..`, within the image. */
  async realpath(path: ImagePath): Promise<string> {
    return this.#at('realpath', path, true, (_tree, resolved) => resolved.path.toString()) || '/';
  }

  /**
   * Whether the path exists; nothing in an image can be written.
   * @param mode of `fs.constants`: `R_OK` holds for everything, `X_OK` for directories and where anyone may execute
   */
  async access(path: ImagePath, mode: number = constants.F_OK): Promise<void> {
    this.#at('access', path, true, (tree, { inode }) => {
      const { mode: permissions, isDirectory } = tree.inode(inode);
      if (mode & constants.W_OK) throw new OperationError(errno.EROFS, 'images are only read');
      if (mode & constants.X_OK && !isDirectory && (permissions & 0o111) === 0) {
        throw new OperationError(errno.EACCES, `inode ${inode} is not executable`);
      }
    });
  }

  /** Opens a file for reading; any other flag than `r` gives EROFS. */
  async open(path: ImagePath, flags = 'r'): Promise<ImageFile> {
    const inode = this.#at('open', path, true, (tree, resolved) => {
      if (flags !== 'r') throw new OperationError(errno.EROFS, 'images are only read');
      return tree.regularFile(resolved.inode).number;
    });
    return new ImageFile(this.#image, inode, pathText(path));
  }

  createReadStream(path: ImagePath, options?: StreamOptions): Readable {
    const inode = this.#at('open', path, true, (tree, resolved) => tree.regularFile(resolved.inode).number);
    return new ImageFile(this.#image, inode, pathText(path)).createReadStream(options);
  }

  async opendir(path: ImagePath): Promise<ImageDirectory> {
    return new ImageDirectory(this.#image, this.#directory('opendir', path), pathText(path));
  }

  /** Everything below a directory, each entry before what is in it. */
  async *walk(path: ImagePath = '/', options: WalkOptions = {}): AsyncGenerator<WalkEntry, undefined> {
    yield* walk(this.#image, this.#directory('opendir', path), pathBytes(path), options);
  }

  /** Extended attributes by their full names, such as `user.comment`; of a symbolic link's target. */
  async xattrs(path: ImagePath): Promise<Map<string, Buffer>> {
    return this.#at('listxattr', path, true, (tree, { inode }) => tree.xattrs(inode));
  }

  /** Extended attributes of the path itself, be it a symbolic link. */
  async lxattrs(path: ImagePath): Promise<Map<string, Buffer>> {
    return this.#at('llistxattr', path, false, (tree, { inode }) => tree.xattrs(inode));
  }

  /** Where the file's or directory's data lies on the device; holes are left out. Symbolic links are not followed. */
  async *extents(path: ImagePath): AsyncGenerator<FileExtent, undefined> {
    const inode = this.#at('fiemap', path, false, (_tree, resolved) => resolved.inode);
    yield* extents(this.#image, inode, pathText(path));
  }

  /** What the filesystem says about itself. */
  get superblock(): Superblock {
    return this.#image.run('statfs', undefined, (tree) => tree.filesystem.superblock);
  }

  /** Lets go of the image. Whatever was opened in it gives EBADF from now on. */
  async close(): Promise<void> {
    this.#image.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #at<Result>(syscall: string, path: ImagePath, followLast: boolean, operation: (tree: Tree, resolved: Resolved) => Result): Result {
    const bytes = pathBytes(path);
    return this.#image.run(syscall, pathText(path), (tree) => operation(tree, resolvePath(tree, bytes, followLast)));
  }

  #directory(syscall: string, path: ImagePath): Resolved['inode'] {
    return this.#at(syscall, path, true, (tree, { inode }) => tree.directory(inode).number);
  }

  #list(path: ImagePath): Listed[] {
    const parentPath = pathText(path);
    const inode = this.#directory('scandir', path);
    return Array.from(listDirectory(this.#image, inode, parentPath), (entry) => ({
      name: entry.name,
      relative: entry.name,
      ino: entry.inode,
      parentPath,
      type: entry.type,
    }));
  }

  async #listAll(path: ImagePath): Promise<Listed[]> {
    const listed: Listed[] = [];
    const start = pathBytes(path);
    for await (const { pathBytes: found, stats } of walk(this.#image, this.#directory('scandir', path), start, {})) {
      const slash = found.lastIndexOf('/');
      const skip = start.length === 0 || start.at(-1) === 0x2f ? start.length : start.length + 1;
      listed.push({
        name: found.subarray(slash + 1),
        relative: found.subarray(skip),
        ino: stats.ino,
        parentPath: found.subarray(0, Math.max(slash, 1)).toString(),
        type: stats.mode & constants.S_IFMT,
      });
    }
    return listed;
  }
}

interface Listed {
  readonly name: Buffer;
  /** The name, with the directories between in a recursive listing. */
  readonly relative: Buffer;
  readonly ino: number;
  readonly parentPath: string;
  readonly type: number;
}
