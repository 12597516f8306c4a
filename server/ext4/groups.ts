import type { BlockCache, CachedBlock } from './cache/block-cache.js';
import { CorruptionError, type FilesystemError } from './errors.js';
import type { Geometry } from './geometry.js';
import * as layout from './layout/group-descriptor.js';
import type { Superblock } from './layout/superblock.js';
import { physicalBlock, type GroupNumber, type PhysicalBlock } from './units.js';

/** A group descriptor within its block; valid until the cache is trimmed. */
export interface GroupDescriptor {
  readonly block: CachedBlock;
  readonly offset: number;
}

/**
 * Group descriptors, read and checked one by one when first needed: on a filesystem of 16 TiB there
 * are 131,072 of them, and a mount that only lists a directory needs one.
 */
export class Groups {
  readonly #superblock: Superblock;
  readonly #geometry: Geometry;
  readonly #cache: BlockCache;
  readonly #tolerate: (error: FilesystemError) => void;
  /** First block of each group's inode table; 0 until it was read and checked. */
  readonly #inodeTables: Float64Array;

  /** @param tolerate is told of a descriptor whose checksum is wrong but whose pointers are in range */
  constructor(superblock: Superblock, geometry: Geometry, cache: BlockCache, tolerate: (error: FilesystemError) => void) {
    this.#superblock = superblock;
    this.#geometry = geometry;
    this.#cache = cache;
    this.#tolerate = tolerate;
    this.#inodeTables = new Float64Array(geometry.groupCount);
  }

  /** @throws CorruptionError where the table lies outside the filesystem */
  inodeTable(group: GroupNumber): PhysicalBlock {
    const known = this.#inodeTables[group] as number;
    return physicalBlock(known !== 0 ? known : this.#readInodeTable(group));
  }

  descriptor(group: GroupNumber): GroupDescriptor {
    return {
      block: this.#cache.get(this.#geometry.descriptorBlock(group)),
      offset: this.#geometry.descriptorOffset(group),
    };
  }

  #readInodeTable(group: GroupNumber): number {
    const { block, offset } = this.descriptor(group);
    const { descriptorSize, inodesPerGroup, inodeSize, blockSize } = this.#superblock;
    this.#verifyChecksum(group, block, offset);
    const first = layout.inodeTableBlock(block.view, offset, descriptorSize);
    const blocks = Math.ceil((inodesPerGroup * inodeSize) / blockSize);
    if (!this.#geometry.containsBlocks(first, blocks) || first === 0) {
      throw new CorruptionError('group descriptor', { group, block: block.number }, `inode table ${first} is not inside the filesystem`);
    }
    this.#inodeTables[group] = first;
    return first;
  }

  /**
   * A wrong checksum alone does not stop a reader: the kernel, mounting read-only, goes on too, and
   * what the descriptor points at is checked in its own right.
   */
  #verifyChecksum(group: GroupNumber, { bytes, view, number, transaction }: CachedBlock, offset: number): void {
    // Checksums of what is being changed are made as the transaction commits.
    if (transaction !== 0) return;
    const { features, checksumSeed, uuid, descriptorSize } = this.#superblock;
    let computed: number;
    if (features.hasRoCompat('METADATA_CSUM')) {
      computed = layout.descriptorCrc32c(checksumSeed, group, bytes, offset, descriptorSize);
    } else if (features.hasRoCompat('GDT_CSUM')) {
      computed = layout.descriptorCrc16(uuid, group, bytes, offset, descriptorSize);
    } else {
      return;
    }
    const stored = layout.storedChecksum(view, offset);
    if (stored !== computed) {
      this.#tolerate(
        new CorruptionError('group descriptor', { group, block: number }, `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}`),
      );
    }
  }
}
