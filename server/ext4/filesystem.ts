import type { BlockDevice } from '../device/block-device.js';
import { BlockCache } from './cache/block-cache.js';
import { InodeCache } from './cache/inode-cache.js';
import { Directory } from './directory/directory.js';
import { showEncryptedTarget } from './directory/encrypted-names.js';
import { CorruptionError, NotExt4Error, OperationError, errno, type FilesystemError } from './errors.js';
import { FileContent } from './file-content.js';
import { Geometry } from './geometry.js';
import { Groups } from './groups.js';
import { InlineData } from './inline-data.js';
import type { Inode } from './inode.js';
import { parseSuperblock, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, type Superblock } from './layout/superblock.js';
import { FileMapping } from './mapping/file-mapping.js';
import { needsRecovery, recoveredFilesystem } from './recovery/recovered-filesystem.js';
import { SymbolicLinks } from './symlink.js';
import { ROOT_INODE, type InodeNumber } from './units.js';
import { ExtendedAttributes } from './xattr/attributes.js';

export interface OpenOptions {
  /** Which copy of the superblock to use, in units of 1024 bytes as in ext4's `sb=` option; default 1, the primary. */
  readonly superblockLocation?: number;
  /** Bytes of metadata blocks to keep in memory between operations. */
  readonly cacheBytes?: number;
  /** Do not look at the journal even if it needs recovery: the filesystem may be inconsistent. */
  readonly noJournalRecovery?: boolean;
  /** The external journal of a filesystem that has one; needed only where it must be recovered. Belongs to the filesystem once it is open. */
  readonly journalDevice?: BlockDevice;
  /** Told of damage that was survived, once each. */
  readonly report?: (problem: FilesystemError) => void;
}

const DEFAULT_CACHE_BYTES = 32 << 20;
const INODE_CACHE_CAPACITY = 65536;

/**
 * One mounted ext2, ext3 or ext4 filesystem: the parts, put together. Everything is synchronous and
 * belongs to one thread. Objects handed out are valid until `trim()`.
 */
export class Filesystem {
  readonly device: BlockDevice;
  readonly superblock: Superblock;
  readonly geometry: Geometry;
  readonly cache: BlockCache;
  readonly groups: Groups;
  readonly inodes: InodeCache;
  readonly mapping: FileMapping;
  readonly content: FileContent;
  readonly inline: InlineData;
  readonly attributes: ExtendedAttributes;
  readonly directories: Directory;
  readonly links: SymbolicLinks;
  readonly report: (problem: FilesystemError) => void;
  /** Inodes without a name that are in use all the same; a filesystem mounted for writing knows them. */
  isOrphan: (number: InodeNumber) => boolean = () => false;
  readonly #journalDevice: BlockDevice | undefined;

  /**
   * @throws NotExt4Error, UnsupportedError, CorruptionError or DeviceError where it cannot be read at all
   */
  static open(device: BlockDevice, options: OpenOptions = {}): Filesystem {
    const filesystem = Filesystem.#recovered(device, options);
    filesystem.#checkRoot();
    return filesystem;
  }

  static #recovered(device: BlockDevice, options: OpenOptions): Filesystem {
    const stored = new Filesystem(device, options);
    if (options.noJournalRecovery === true || !needsRecovery(stored.superblock)) return stored;
    return recoveredFilesystem(stored, options.journalDevice, (recovered) => new Filesystem(recovered, options), stored.report);
  }

  private constructor(device: BlockDevice, options: OpenOptions) {
    const location = (options.superblockLocation ?? 1) * SUPERBLOCK_OFFSET;
    const superblock = readSuperblock(device, location);
    const { blockSize, blocksCount, features } = superblock;
    if (blocksCount * blockSize > device.size) {
      throw new CorruptionError('superblock', { offset: location }, `it says ${blocksCount} blocks of ${blockSize} bytes, the device has only ${device.size} bytes`);
    }
    const checksums = features.hasRoCompat('METADATA_CSUM');
    this.device = device;
    this.#journalDevice = options.journalDevice;
    this.superblock = superblock;
    this.report = onceEach(options.report ?? (() => undefined));
    this.geometry = new Geometry(superblock, Math.floor(location / blockSize));
    this.cache = new BlockCache(device, blockSize, blocksCount, options.cacheBytes ?? DEFAULT_CACHE_BYTES);
    this.groups = new Groups(superblock, this.geometry, this.cache, this.report);
    this.inodes = new InodeCache(superblock, this.geometry, this.groups, this.cache, INODE_CACHE_CAPACITY);
    this.mapping = new FileMapping(this.cache, this.geometry, checksums);
    this.content = new FileContent(device, this.mapping, this.cache);
    this.inline = new InlineData(superblock);
    this.attributes = new ExtendedAttributes(this);
    this.directories = new Directory(this);
    this.links = new SymbolicLinks({ superblock, cache: this.cache, mapping: this.mapping, inline: this.inline, presentCiphertext: showEncryptedTarget });
  }

  get root(): Inode {
    return this.inodes.get(ROOT_INODE);
  }

  /**
   * An inode that is in use, by a number that came from a directory entry or from the kernel.
   * @throws OperationError ESTALE for one that is free
   * @throws CorruptionError
   */
  inode(number: InodeNumber): Inode {
    const inode = this.inodes.get(number);
    if (inode.mode === 0 || (inode.links === 0 && inode.deletionTime !== 0 && !this.isOrphan(number))) {
      throw new OperationError(errno.ESTALE, `inode ${number} is not in use`);
    }
    return inode;
  }

  /** Brings the caches back under their budgets. Call it between operations: every Inode and block becomes invalid. */
  trim(): void {
    this.cache.trim();
    this.inodes.trim();
  }

  close(): void {
    this.device.close();
    this.#journalDevice?.close();
  }

  #checkRoot(): void {
    if (!this.inode(ROOT_INODE).isDirectory) {
      throw new CorruptionError('inode', { inode: ROOT_INODE }, 'the root inode is not a directory');
    }
  }
}

function readSuperblock(device: BlockDevice, location: number): Superblock {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  if (location + SUPERBLOCK_SIZE > device.size) {
    throw new NotExt4Error(`there is no superblock at byte ${location}: the device has only ${device.size} bytes`);
  }
  device.read(bytes, 0, SUPERBLOCK_SIZE, location);
  return parseSuperblock(bytes, location);
}

const MOST_REPORTS = 1000;

/** Damage is met again at every access; it is worth one line. */
function onceEach(report: (problem: FilesystemError) => void): (problem: FilesystemError) => void {
  const seen = new Set<string>();
  return (problem) => {
    if (seen.has(problem.message) || seen.size >= MOST_REPORTS) return;
    seen.add(problem.message);
    report(problem);
  };
}
