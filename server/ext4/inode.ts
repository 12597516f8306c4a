import type { CachedBlock } from './cache/block-cache.js';
import { CorruptionError } from './errors.js';
import * as layout from './layout/inode.js';
import { FileType, GOOD_OLD_INODE_SIZE, InodeFlags, type TimeField } from './layout/inode.js';
import { joinHalves } from './layout/read.js';
import type { Superblock } from './layout/superblock.js';
import type { InodeNumber } from './units.js';

const SECTOR_SIZE = 512;
const NANOSECONDS = 1e9;

/**
 * One inode, read where it lies in its inode-table block: nothing here is a copy. Ask the inode
 * cache for it in every operation; it is bound to its block only until the block cache is trimmed.
 */
export class Inode {
  readonly number: InodeNumber;
  /** The inode-table block and the inode's place in it. */
  block: CachedBlock;
  offset = 0;
  /** The load of `block` for which the inode was verified. */
  load = 0;
  /** Seed for this inode's checksums: its own, its extent blocks', its directory blocks'. */
  checksumSeed = 0;
  /** Whether the extent tree's root in i_block was checked since the load. */
  extentRootVerified = false;
  /** Whether the attributes kept in the inode itself were checked since the load. */
  bodyEntriesVerified = false;
  readonly #superblock: Superblock;

  constructor(number: InodeNumber, superblock: Superblock, block: CachedBlock) {
    this.number = number;
    this.#superblock = superblock;
    this.block = block;
  }

  get view(): DataView {
    return this.block.view;
  }

  get bytes(): Uint8Array {
    return this.block.bytes;
  }

  get mode(): number {
    return layout.mode(this.view, this.offset);
  }

  get fileType(): number {
    return this.mode & FileType.MASK;
  }

  get isDirectory(): boolean {
    return this.fileType === FileType.DIRECTORY;
  }

  get isRegular(): boolean {
    return this.fileType === FileType.REGULAR;
  }

  get isSymlink(): boolean {
    return this.fileType === FileType.SYMLINK;
  }

  get uid(): number {
    return layout.uid(this.view, this.offset);
  }

  get gid(): number {
    return layout.gid(this.view, this.offset);
  }

  get links(): number {
    return layout.linksCount(this.view, this.offset);
  }

  get flags(): number {
    return layout.flags(this.view, this.offset);
  }

  get generation(): number {
    return layout.generation(this.view, this.offset);
  }

  hasFlag(flag: keyof typeof InodeFlags): boolean {
    return (this.flags & InodeFlags[flag]) !== 0;
  }

  /** Bytes; the upper half counts for regular files, and for directories with large_dir. */
  get size(): number {
    const low = layout.sizeLow(this.view, this.offset);
    if (!this.isRegular && !this.#superblock.features.hasIncompat('LARGEDIR')) return low;
    return joinHalves(low, layout.sizeHigh(this.view, this.offset), 'inode', { inode: this.number }, 'i_size');
  }

  /** i_blocks in sectors of 512 bytes, whatever unit the inode keeps it in. */
  get sectors(): number {
    const low = layout.blocksLow(this.view, this.offset);
    if (!this.#superblock.features.hasRoCompat('HUGE_FILE')) return low;
    const blocks = low + layout.blocksHigh(this.view, this.offset) * 0x100000000;
    return this.hasFlag('HUGE_FILE') ? blocks * (this.#superblock.blockSize / SECTOR_SIZE) : blocks;
  }

  /** i_rdev of a device node in the kernel's 32-bit encoding. */
  get deviceNumber(): number {
    return layout.deviceNumber(this.view, this.offset);
  }

  /** i_file_acl, 0 without a block of extended attributes. */
  get xattrBlock(): number {
    const block = layout.fileAcl(this.view, this.offset);
    return this.#superblock.features.hasIncompat('64BIT') ? block : block % 0x100000000;
  }

  /** Bytes in use past the first 128; extended attributes may follow them. */
  get extraSize(): number {
    return this.#superblock.inodeSize > GOOD_OLD_INODE_SIZE ? layout.extraSize(this.view, this.offset) : 0;
  }

  get projectId(): number {
    return this.#hasField(0x9c, 4) ? layout.projectId(this.view, this.offset) : 0;
  }

  /** i_version, 64 bits wide where there is room; above 2^53 it loses its lowest bits, which only compare. */
  get version(): number {
    const high = this.#hasField(0x98, 4) ? layout.versionHigh(this.view, this.offset) : 0;
    return high * 0x100000000 + layout.versionLow(this.view, this.offset);
  }

  /** i_dtime: when it was deleted; while an orphan, the next inode of the orphan list. */
  get deletionTime(): number {
    return layout.deletionTime(this.view, this.offset);
  }

  hasTime(field: TimeField): boolean {
    return field.seconds < GOOD_OLD_INODE_SIZE || this.#hasField(field.seconds, 4);
  }

  /** Seconds since 1970, -2^31..2^34-1: the two epoch bits of the extra word widen the signed 32. */
  seconds(field: TimeField): number {
    const low = this.view.getInt32(this.offset + field.seconds, true);
    if (!this.#hasField(field.extra, 4)) return low;
    return low + (this.view.getUint32(this.offset + field.extra, true) & 3) * 0x100000000;
  }

  nanoseconds(field: TimeField): number {
    if (!this.#hasField(field.extra, 4)) return 0;
    const value = this.view.getUint32(this.offset + field.extra, true) >>> 2;
    return value < NANOSECONDS ? value : 0;
  }

  /** Whether one time is before another. */
  isEarlier(one: TimeField, other: TimeField): boolean {
    const difference = this.seconds(one) - this.seconds(other);
    return difference < 0 || (difference === 0 && this.nanoseconds(one) < this.nanoseconds(other));
  }

  /**
   * Checks the inode after its block was (re)loaded.
   * @throws CorruptionError for a wrong checksum or an i_extra_isize that does not fit
   */
  verify(): void {
    const { bytes, view, offset, number } = this;
    const { features, inodeSize, creatorOs } = this.#superblock;
    const place = { inode: number, block: this.block.number };
    if (inodeSize > GOOD_OLD_INODE_SIZE) {
      const extra = layout.extraSize(view, offset);
      if (GOOD_OLD_INODE_SIZE + extra > inodeSize || extra % 4 !== 0) {
        throw new CorruptionError('inode', place, `i_extra_isize ${extra} does not fit an inode of ${inodeSize} bytes`);
      }
    }
    this.bind();
    // One that was never used is all zeros; whoever asks for it by an old file handle is told ESTALE.
    if (this.mode === 0 && this.links === 0) return;
    // What the running transaction changed is this program's own, and gets its checksum as each handle closes.
    if (features.hasRoCompat('METADATA_CSUM') && creatorOs === 0 && this.block.transaction === 0) {
      const stored = layout.storedChecksum(view, offset, inodeSize);
      const computed = layout.computeChecksum(this.checksumSeed, bytes, view, offset, inodeSize);
      if (stored !== computed) {
        throw new CorruptionError('inode', place, `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}`);
      }
    }
  }

  /** Takes up a new i_generation, and forgets what was found out about the contents. */
  bind(): void {
    this.checksumSeed = layout.inodeChecksumSeed(this.#superblock.checksumSeed, this.number, this.generation);
    this.extentRootVerified = false;
    this.bodyEntriesVerified = false;
  }

  /** Whether i_extra_isize reaches past the field. */
  #hasField(start: number, length: number): boolean {
    return start + length <= GOOD_OLD_INODE_SIZE + this.extraSize && this.#superblock.inodeSize > GOOD_OLD_INODE_SIZE;
  }
}
