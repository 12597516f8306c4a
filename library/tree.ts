import { CorruptionError, errno, FilesystemError, OperationError } from '../server/ext4/errors.js';
import type { Filesystem } from '../server/ext4/filesystem.js';
import type { Inode } from '../server/ext4/inode.js';
import { FileType } from '../server/ext4/layout/inode.js';
import { inodeNumber, type InodeNumber } from '../server/ext4/units.js';
import { ImageStats } from './stats.js';

/** Where a listing begins. */
export const FIRST_PLACE = 0;

export interface TreeEntry {
  readonly name: Buffer;
  readonly inode: InodeNumber;
  /** One of FileType, 0 where neither the entry nor its inode can say. */
  readonly type: number;
}

export interface TreeBatch {
  readonly entries: readonly TreeEntry[];
  /** Where the listing goes on, undefined at the end. */
  readonly next: number | undefined;
}

/**
 * The filesystem as a tree of files, for one operation at a time: takes inode numbers, gives values
 * that outlive the operation. What depends on how an inode keeps its contents is decided here.
 */
export class Tree {
  readonly filesystem: Filesystem;

  constructor(filesystem: Filesystem) {
    this.filesystem = filesystem;
  }

  inode(number: InodeNumber): Inode {
    return this.filesystem.inode(number);
  }

  /** @throws OperationError ENOTDIR */
  directory(number: InodeNumber): Inode {
    const inode = this.inode(number);
    if (!inode.isDirectory) throw new OperationError(errno.ENOTDIR, `inode ${number} is not a directory`);
    return inode;
  }

  /** @throws OperationError for what cannot be read like a file: EISDIR, ENXIO, or ENOKEY for one that is encrypted */
  regularFile(number: InodeNumber): Inode {
    const inode = this.inode(number);
    if (inode.isDirectory) throw new OperationError(errno.EISDIR, `inode ${number} is a directory`);
    if (!inode.isRegular) throw new OperationError(errno.ENXIO, `inode ${number} is a device, pipe or socket`);
    if (inode.hasFlag('ENCRYPT')) throw new OperationError(errno.ENOKEY, `inode ${number} is encrypted, and its key is not here`);
    return inode;
  }

  stats(number: InodeNumber): ImageStats {
    return new ImageStats(this.inode(number), this.filesystem.superblock.blockSize);
  }

  /** @returns undefined where there is no such name */
  lookup(directory: Inode, name: Buffer): Inode | undefined {
    const number = this.filesystem.directories.lookup(directory, name, 0, name.length);
    return number === 0 ? undefined : this.#child(directory, inodeNumber(number));
  }

  /** Up to `limit` entries from a place on, `.` and `..` left out. */
  list(number: InodeNumber, place: number, limit: number): TreeBatch {
    const entries: TreeEntry[] = [];
    let next: number | undefined;
    this.filesystem.directories.iterate(this.directory(number), place, (entry) => {
      const { bytes, nameOffset, nameLength, position } = entry;
      if (position > AFTER_DOTS) {
        if (entries.length === limit) return false;
        const name = Buffer.from(bytes.subarray(nameOffset, nameOffset + nameLength));
        entries.push({ name, inode: inodeNumber(entry.inode), type: FILE_TYPES[entry.fileType] ?? 0 });
      }
      next = position;
      return true;
    });
    return { entries: this.#withTypes(entries), next: entries.length === limit ? next : undefined };
  }

  readLink(link: Inode): Buffer {
    const { links } = this.filesystem;
    const target = Buffer.alloc(links.longest);
    return target.subarray(0, links.read(link, target, 0));
  }

  /** @returns bytes read, fewer than `target` has only at the end of the file */
  read(number: InodeNumber, offset: number, target: Uint8Array): number {
    const inode = this.regularFile(number);
    const { inline, content } = this.filesystem;
    return inode.hasFlag('INLINE_DATA') ? inline.read(inode, offset, target.length, target, 0) : content.read(inode, offset, target.length, target, 0);
  }

  fileSize(number: InodeNumber): number {
    return this.regularFile(number).size;
  }

  seek(number: InodeNumber, offset: number, wanted: 'data' | 'hole'): number {
    const inode = this.regularFile(number);
    if (!inode.hasFlag('INLINE_DATA')) return this.filesystem.content.seek(inode, offset, wanted);
    if (offset >= inode.size) return -1;
    return wanted === 'data' ? offset : inode.size;
  }

  xattrs(number: InodeNumber): Map<string, Buffer> {
    const inode = this.inode(number);
    const { attributes } = this.filesystem;
    const names = Buffer.alloc(attributes.list(inode, NOWHERE, 0, 0, true));
    attributes.list(inode, names, 0, names.length, true);
    return new Map(namesIn(names).map((name) => [name.toString(), this.#xattr(inode, name)]));
  }

  #xattr(inode: Inode, name: Buffer): Buffer {
    const { attributes } = this.filesystem;
    const ask = (target: Uint8Array): number => {
      const result = attributes.get(inode, name, 0, name.length, target, 0, target.length);
      if (result < 0) throw new OperationError(-result, `attribute ${name.toString()} of inode ${inode.number}`);
      return result;
    };
    const value = Buffer.alloc(ask(NOWHERE));
    if (value.length > 0) ask(value);
    return value;
  }

  /** An entry that leads to a free inode is damage, where a stale number from outside is not. */
  #child(directory: Inode, number: InodeNumber): Inode {
    try {
      return this.inode(number);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      throw new CorruptionError('directory block', { inode: directory.number }, `an entry leads to inode ${number}, which is not in use`);
    }
  }

  /** Filesystems without the filetype feature say it only in the inode. */
  #withTypes(entries: readonly TreeEntry[]): readonly TreeEntry[] {
    return entries.map((entry) => (entry.type === 0 ? { ...entry, type: this.#typeOf(entry.inode) } : entry));
  }

  #typeOf(number: InodeNumber): number {
    try {
      return this.inode(number).fileType;
    } catch (error) {
      if (error instanceof FilesystemError) return 0;
      throw error;
    }
  }
}

/** A listing's positions of "." and ".." end here. */
const AFTER_DOTS = 2;

/** By file_type of a directory entry. */
const FILE_TYPES: readonly number[] = [
  0,
  FileType.REGULAR,
  FileType.DIRECTORY,
  FileType.CHARACTER,
  FileType.BLOCK,
  FileType.FIFO,
  FileType.SOCKET,
  FileType.SYMLINK,
];

const NOWHERE = new Uint8Array(0);

/** Names with a NUL behind each. */
function namesIn(list: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let start = 0, end = list.indexOf(0); end >= 0; start = end + 1, end = list.indexOf(0, start)) names.push(list.subarray(start, end));
  return names;
}
