import type { BirthAttributes } from '../../protocol/fuse/statx.js';
import type { Inode } from '../ext4/inode.js';
import { FileType, Times } from '../ext4/layout/inode.js';
import type { SymbolicLinks } from '../ext4/symlink.js';

/** What the kernel is told of an inode. One object, made to be another inode's for each reply. */
export class InodeAttributes implements BirthAttributes {
  inode = 0;
  size = 0;
  blocks = 0;
  atime = 0;
  mtime = 0;
  ctime = 0;
  atimeNanoseconds = 0;
  mtimeNanoseconds = 0;
  ctimeNanoseconds = 0;
  mode = 0;
  links = 0;
  uid = 0;
  gid = 0;
  deviceNumber = 0;
  birthKnown = false;
  birth = 0;
  birthNanoseconds = 0;
  flags = 0;
  /** What the kernel may do with an inode by itself (AttributeFlag); nothing unless somebody says so. */
  flagsOf: ((inode: Inode) => number) | undefined;
  readonly blockSize: number;
  readonly #links: SymbolicLinks;

  constructor(blockSize: number, links: SymbolicLinks) {
    this.blockSize = blockSize;
    this.#links = links;
  }

  of(inode: Inode): this {
    const type = inode.fileType;
    this.inode = inode.number;
    this.size = type === FileType.SYMLINK ? this.#links.shownLength(inode) : inode.size;
    this.blocks = inode.sectors + inlineSectors(inode);
    this.atime = inode.seconds(Times.access);
    this.mtime = inode.seconds(Times.modification);
    this.ctime = inode.seconds(Times.change);
    this.atimeNanoseconds = inode.nanoseconds(Times.access);
    this.mtimeNanoseconds = inode.nanoseconds(Times.modification);
    this.ctimeNanoseconds = inode.nanoseconds(Times.change);
    this.mode = inode.mode;
    this.links = inode.links;
    this.uid = inode.uid;
    this.gid = inode.gid;
    this.flags = this.flagsOf?.(inode) ?? 0;
    this.deviceNumber = type === FileType.CHARACTER || type === FileType.BLOCK ? inode.deviceNumber : 0;
    this.birthKnown = inode.hasTime(Times.birth);
    this.birth = this.birthKnown ? inode.seconds(Times.birth) : 0;
    this.birthNanoseconds = this.birthKnown ? inode.nanoseconds(Times.birth) : 0;
    return this;
  }
}

const SECTOR_SIZE = 512;

/** A file that its inode holds has no blocks; as ext4 does, so that nobody takes it for one big hole, it is given some. */
function inlineSectors(inode: Inode): number {
  return inode.isRegular && inode.hasFlag('INLINE_DATA') ? Math.ceil(inode.size / SECTOR_SIZE) : 0;
}
