import { ROOT_NODEID } from '../../protocol/fuse/header.js';
import { CorruptionError, errno, FilesystemError, OperationError } from '../ext4/errors.js';
import type { Filesystem } from '../ext4/filesystem.js';
import type { Inode } from '../ext4/inode.js';
import { FileType } from '../ext4/layout/inode.js';
import type { Superblock } from '../ext4/layout/superblock.js';
import { inodeNumber, ROOT_INODE, type InodeNumber } from '../ext4/units.js';

/**
 * Between the kernel's nodeids and inode numbers: they are the same but for the root, and there is no
 * table, so a server that was started anew can go on with an old mount.
 */
export class Nodes {
  readonly #filesystem: Filesystem;
  readonly rootNodeid: number;
  readonly #firstInode: number;
  readonly #inodesCount: number;
  /** Inodes of the filesystem's own bookkeeping beyond the reserved ones. */
  readonly #hidden: ReadonlySet<number>;

  constructor(filesystem: Filesystem, rootNodeid: number = ROOT_NODEID) {
    const { superblock } = filesystem;
    this.#filesystem = filesystem;
    this.rootNodeid = rootNodeid;
    this.#firstInode = superblock.firstInode;
    this.#inodesCount = superblock.inodesCount;
    this.#hidden = hiddenInodes(superblock);
  }

  nodeidOf(inode: InodeNumber): number {
    return inode === ROOT_INODE ? this.rootNodeid : inode;
  }

  /**
   * The inode of a request.
   * @throws OperationError ESTALE for a nodeid that cannot have been given out, or whose inode is free
   * @throws CorruptionError
   */
  get(nodeid: number): Inode {
    if (nodeid === this.rootNodeid) return this.#filesystem.inode(ROOT_INODE);
    if (!this.#isOrdinary(nodeid)) throw new OperationError(errno.ESTALE, `node ${nodeid} is none of this filesystem's`);
    return this.#checked(this.#filesystem.inode(inodeNumber(nodeid)));
  }

  /**
   * The inode that a directory entry leads to.
   * @throws CorruptionError also for an inode that is free or that no entry may lead to
   */
  child(directory: Inode, number: InodeNumber): Inode {
    if (number === ROOT_INODE) return this.#filesystem.inode(ROOT_INODE);
    const place = { inode: directory.number };
    if (!this.#isOrdinary(number)) throw new CorruptionError('directory block', place, `an entry leads to inode ${number}`);
    try {
      return this.#checked(this.#filesystem.inode(number));
    } catch (error) {
      if (!(error instanceof FilesystemError) || error.errno !== errno.ESTALE) throw error;
      throw new CorruptionError('directory block', place, `an entry leads to inode ${number}, which is not in use`);
    }
  }

  #isOrdinary(number: number): boolean {
    return number >= this.#firstInode && number <= this.#inodesCount && !this.#hidden.has(number);
  }

  /** The kernel would mark an inode of an unknown type as bad; it hears EUCLEAN here, as from its own ext4. */
  #checked(inode: Inode): Inode {
    if (!KNOWN_TYPES.has(inode.fileType)) {
      throw new CorruptionError('inode', { inode: inode.number }, `i_mode ${inode.mode.toString(8)} has no known file type`);
    }
    if (inode.hasFlag('EA_INODE')) {
      throw new CorruptionError('inode', { inode: inode.number }, 'it holds the value of an extended attribute, no file');
    }
    return inode;
  }
}

const KNOWN_TYPES: ReadonlySet<number> = new Set<number>(Object.values(FileType).filter((type) => type !== FileType.MASK));

function hiddenInodes({ features, userQuotaInode, groupQuotaInode, projectQuotaInode, orphanFileInode }: Superblock): Set<number> {
  const hidden = new Set<number>();
  if (features.hasRoCompat('QUOTA')) [userQuotaInode, groupQuotaInode].forEach((inode) => hidden.add(inode));
  if (features.hasRoCompat('PROJECT')) hidden.add(projectQuotaInode);
  if (features.hasCompat('ORPHAN_FILE')) hidden.add(orphanFileInode);
  return hidden;
}
