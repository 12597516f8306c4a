import type { Stats } from 'node:fs';
import type { Inode } from '../server/ext4/inode.js';
import { FileType, Times, type TimeField } from '../server/ext4/layout/inode.js';

/** A point in time at the filesystem's own resolution. Before 1970 `seconds` is negative, `nanoseconds` never is. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const SECTOR_SIZE = 512;

const timestamp = (inode: Inode, field: TimeField): Timestamp => ({
  seconds: inode.seconds(field),
  nanoseconds: inode.nanoseconds(field),
});

const milliseconds = ({ seconds, nanoseconds }: Timestamp): number => seconds * 1e3 + nanoseconds / 1e6;

/** What an inode says about itself: Node's `fs.Stats`, and what ext4 knows beyond it. */
export class ImageStats implements Stats {
  /** Always 0: an image that is not mounted has no device number. */
  readonly dev = 0;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number;
  /** In units of 512 bytes. */
  readonly blocks: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
  readonly atime: Date;
  readonly mtime: Date;
  readonly ctime: Date;
  readonly birthtime: Date;

  /** The times to the nanosecond. `birth` is the change time where the inode is too small to keep one, as in Node. */
  readonly times: { readonly access: Timestamp; readonly modification: Timestamp; readonly change: Timestamp; readonly birth: Timestamp };
  /** i_flags, as FS_IOC_GETFLAGS numbers them. */
  readonly flags: number;
  readonly generation: number;
  readonly projectId: number;

  constructor(inode: Inode, blockSize: number) {
    const change = timestamp(inode, Times.change);
    this.times = {
      access: timestamp(inode, Times.access),
      modification: timestamp(inode, Times.modification),
      change,
      birth: inode.hasTime(Times.birth) ? timestamp(inode, Times.birth) : change,
    };
    this.ino = inode.number;
    this.mode = inode.mode;
    this.nlink = inode.links;
    this.uid = inode.uid;
    this.gid = inode.gid;
    this.size = inode.size;
    this.blksize = blockSize;
    this.blocks = sectors(inode);
    this.rdev = this.isCharacterDevice() || this.isBlockDevice() ? inode.deviceNumber : 0;
    this.flags = inode.flags;
    this.generation = inode.generation;
    this.projectId = inode.projectId;
    this.atimeMs = milliseconds(this.times.access);
    this.mtimeMs = milliseconds(this.times.modification);
    this.ctimeMs = milliseconds(this.times.change);
    this.birthtimeMs = milliseconds(this.times.birth);
    this.atime = new Date(this.atimeMs);
    this.mtime = new Date(this.mtimeMs);
    this.ctime = new Date(this.ctimeMs);
    this.birthtime = new Date(this.birthtimeMs);
  }

  isFile(): boolean {
    return this.#is(FileType.REGULAR);
  }

  isDirectory(): boolean {
    return this.#is(FileType.DIRECTORY);
  }

  isSymbolicLink(): boolean {
    return this.#is(FileType.SYMLINK);
  }

  isBlockDevice(): boolean {
    return this.#is(FileType.BLOCK);
  }

  isCharacterDevice(): boolean {
    return this.#is(FileType.CHARACTER);
  }

  isFIFO(): boolean {
    return this.#is(FileType.FIFO);
  }

  isSocket(): boolean {
    return this.#is(FileType.SOCKET);
  }

  #is(type: number): boolean {
    return (this.mode & FileType.MASK) === type;
  }
}

/** A file kept in its inode counts as if it had sectors, as the kernel has it: programs take 0 for a hole without data. */
const sectors = (inode: Inode): number =>
  inode.isRegular && inode.hasFlag('INLINE_DATA') ? inode.sectors + Math.ceil(inode.size / SECTOR_SIZE) : inode.sectors;
