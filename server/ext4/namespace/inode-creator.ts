import { randomInt } from 'node:crypto';
import type { InodeAllocator } from '../allocation/inode-allocator.js';
import { Verified, type BlockCache } from '../cache/block-cache.js';
import type { InodeCache } from '../cache/inode-cache.js';
import type { Clock } from '../clock.js';
import type { Geometry } from '../geometry.js';
import type { Groups } from '../groups.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import { initialiseNode, ROOT_ENTRIES } from '../layout/extent.js';
import * as layout from '../layout/inode.js';
import { FileType, GOOD_OLD_INODE_SIZE, I_BLOCK, InodeFlags, Times } from '../layout/inode.js';
import type { Superblock } from '../layout/superblock.js';
import type { QuotaCharges } from '../quota/charges.js';
import { OperationError } from '../errors.js';
import { physicalBlock, type InodeNumber } from '../units.js';

/** What a new inode is to be. */
export interface NewInode {
  /** File type and permissions, before the umask. */
  readonly mode: number;
  /** Takes permissions away, unless the directory has a default ACL. */
  readonly umask: number;
  readonly uid: number;
  readonly gid: number;
  /** 32-bit encoding, for device nodes. */
  readonly device: number;
}

/** Inherited from the directory, then thinned out by what the new inode is. */
const INHERITED =
  InodeFlags.SECRM | InodeFlags.UNRM | InodeFlags.COMPR | InodeFlags.SYNC | InodeFlags.NODUMP | InodeFlags.NOATIME |
  InodeFlags.JOURNAL_DATA | InodeFlags.NOTAIL | InodeFlags.DIRSYNC | InodeFlags.PROJINHERIT | InodeFlags.CASEFOLD;
const NOT_FOR_FILES = InodeFlags.DIRSYNC | InodeFlags.TOPDIR | InodeFlags.CASEFOLD | InodeFlags.PROJINHERIT;
const FOR_OTHERS = InodeFlags.NODUMP | InodeFlags.NOATIME;
/** What this program's idea of an inode needs past the first 128 bytes: up to i_projid. */
const EXTRA_SIZE = 32;
const SETGID = 0o2000;

export interface InodeCreatorParts {
  readonly superblock: Superblock;
  readonly geometry: Geometry;
  readonly groups: Groups;
  readonly cache: BlockCache;
  readonly inodes: InodeCache;
  readonly transactions: Transactions;
  readonly editor: InodeEditor;
  readonly allocator: InodeAllocator;
  readonly clock: Clock;
  readonly charges: QuotaCharges;
  /**
   * Gives a new inode the access control lists that its directory has for it, which take the umask's
   * place. @returns whether there are any, or a negative errno
   */
  readonly inheritAcl: (inode: Inode, directory: Inode) => number;
}

/** Makes inodes: allocated, filled in, with nothing in them and no name yet. */
export class InodeCreator {
  readonly #parts: InodeCreatorParts;

  constructor(parts: InodeCreatorParts) {
    this.#parts = parts;
  }

  /**
   * @returns the inode with a link count of 1, 2 for a directory
   * @throws OperationError ENOSPC, EDQUOT
   */
  create(parent: Inode, wanted: NewInode): Inode {
    const isDirectory = (wanted.mode & FileType.MASK) === FileType.DIRECTORY;
    const allocated = this.#parts.allocator.allocate(parent, isDirectory);
    const inode = this.#claim(allocated.number, allocated.freshBlock);
    this.#fillIn(inode, parent, wanted, isDirectory);
    this.#parts.charges.chargeInodes(inode, 1);
    this.#inheritPermissions(inode, parent, wanted.umask);
    return inode;
  }

  /** An inode near its owner to hold the value of an attribute: with one link, and no name ever. */
  createValueHolder(owner: Inode): Inode {
    const { allocator, editor, superblock } = this.#parts;
    const allocated = allocator.allocate(owner, false);
    const inode = this.#claim(allocated.number, allocated.freshBlock);
    this.#blank(inode, FileType.REGULAR | 0o600);
    editor.setOwner(inode, owner.uid, owner.gid);
    editor.setLinks(inode, 1);
    const mapped = superblock.features.hasIncompat('EXTENTS');
    editor.setFlags(inode, InodeFlags.EA_INODE | (mapped ? InodeFlags.EXTENTS : 0));
    if (mapped) initialiseNode(inode.view, inode.offset + I_BLOCK, ROOT_ENTRIES, 0);
    return inode;
  }

  #claim(number: InodeNumber, freshBlock: boolean): Inode {
    const { superblock, geometry, groups, cache, inodes, transactions } = this.#parts;
    if (freshBlock) {
      const position = ((number - 1) % superblock.inodesPerGroup) * superblock.inodeSize;
      const table = groups.inodeTable(geometry.groupOfInode(number));
      const block = physicalBlock(table + Math.floor(position / superblock.blockSize));
      if (cache.peek(block) === undefined) transactions.create(block, Verified.InodeTable, 0, 0);
    }
    return inodes.claim(number);
  }

  #fillIn(inode: Inode, parent: Inode, wanted: NewInode, isDirectory: boolean): void {
    const { superblock, editor, clock } = this.#parts;
    const { features } = superblock;
    const inheritsGroup = (parent.mode & SETGID) !== 0;
    const project = parent.hasFlag('PROJINHERIT') ? parent.projectId : 0;
    this.#blank(inode, inheritsGroup && isDirectory ? wanted.mode | SETGID : wanted.mode);
    const { view, offset } = inode;
    layout.setUid(view, offset, wanted.uid);
    layout.setGid(view, offset, inheritsGroup ? parent.gid : wanted.gid);
    layout.setLinksCount(view, offset, isDirectory ? 2 : 1);
    layout.setFlags(view, offset, this.#flags(parent, wanted.mode));
    if (inode.hasFlag('EXTENTS')) initialiseNode(view, offset + I_BLOCK, ROOT_ENTRIES, 0);
    if (features.hasRoCompat('PROJECT')) editor.setProjectId(inode, project);
    if ((wanted.mode & FileType.MASK) === FileType.CHARACTER || (wanted.mode & FileType.MASK) === FileType.BLOCK) {
      layout.setDeviceNumber(view, offset, wanted.device);
    }
    editor.setTime(inode, Times.access, clock.seconds, clock.nanoseconds);
    editor.setTime(inode, Times.change, clock.seconds, clock.nanoseconds);
    editor.setTime(inode, Times.modification, clock.seconds, clock.nanoseconds);
    if (inode.hasTime(Times.birth)) editor.setTime(inode, Times.birth, clock.seconds, clock.nanoseconds);
  }

  /** Makes the inode one that nothing is known of but its mode. */
  #blank(inode: Inode, mode: number): void {
    const { superblock, editor } = this.#parts;
    const { inodeSize } = superblock;
    editor.modify(inode);
    const { view, bytes, offset } = inode;
    bytes.fill(0, offset, offset + inodeSize);
    layout.setGeneration(view, offset, randomInt(0x100000000));
    if (inodeSize > GOOD_OLD_INODE_SIZE) {
      layout.setExtraSize(view, offset, Math.min(Math.max(superblock.wantExtraInodeSize, EXTRA_SIZE), inodeSize - GOOD_OLD_INODE_SIZE));
    }
    inode.bind();
    layout.setMode(view, offset, mode);
  }

  /** The mode of a symbolic link means nothing, and nothing is taken from it. */
  #inheritPermissions(inode: Inode, parent: Inode, umask: number): void {
    if (inode.isSymlink) return;
    const inherited = this.#parts.inheritAcl(inode, parent);
    if (inherited < 0) throw new OperationError(-inherited, 'the access control lists of the directory cannot be inherited');
    if (inherited === 0) this.#parts.editor.setMode(inode, inode.mode & ~umask);
  }

  #flags(parent: Inode, mode: number): number {
    const { features } = this.#parts.superblock;
    const inherited = parent.flags & INHERITED;
    switch (mode & FileType.MASK) {
      case FileType.DIRECTORY:
        return (inherited | (features.hasIncompat('EXTENTS') ? InodeFlags.EXTENTS : 0)) >>> 0;
      case FileType.REGULAR:
        return ((inherited & ~NOT_FOR_FILES) | (features.hasIncompat('EXTENTS') ? InodeFlags.EXTENTS : 0)) >>> 0;
      default:
        return (inherited & FOR_OTHERS) >>> 0;
    }
  }
}
