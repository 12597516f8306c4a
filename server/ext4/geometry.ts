import type { Superblock } from './layout/superblock.js';
import { groupNumber, physicalBlock, type GroupNumber, type InodeNumber, type PhysicalBlock } from './units.js';

const isPowerOf = (value: number, base: number): boolean => {
  let power = base;
  while (power < value) power *= base;
  return power === value;
};

/** Where things lie: arithmetic over the superblock, nothing read. */
export class Geometry {
  readonly blockSize: number;
  readonly blocksCount: number;
  readonly groupCount: number;
  /** Blocks in a cluster: 1 without bigalloc. */
  readonly clusterRatio: number;
  readonly descriptorsPerBlock: number;
  readonly #superblock: Superblock;
  readonly #superblockBlock: number;

  /** @param superblockBlock the block that holds the copy of the superblock in use: its descriptors follow it */
  constructor(superblock: Superblock, superblockBlock: number) {
    this.#superblock = superblock;
    this.#superblockBlock = superblockBlock;
    this.blockSize = superblock.blockSize;
    this.blocksCount = superblock.blocksCount;
    this.groupCount = Math.ceil((superblock.blocksCount - superblock.firstDataBlock) / superblock.blocksPerGroup);
    this.clusterRatio = superblock.clusterSize / superblock.blockSize;
    this.descriptorsPerBlock = superblock.blockSize / superblock.descriptorSize;
  }

  groupFirstBlock(group: GroupNumber): PhysicalBlock {
    return physicalBlock(this.#superblock.firstDataBlock + group * this.#superblock.blocksPerGroup);
  }

  /** Blocks in the group; the last one may be short. */
  groupBlocks(group: GroupNumber): number {
    return Math.min(this.#superblock.blocksPerGroup, this.blocksCount - this.groupFirstBlock(group));
  }

  groupOfBlock(block: PhysicalBlock): GroupNumber {
    return groupNumber(Math.floor((block - this.#superblock.firstDataBlock) / this.#superblock.blocksPerGroup));
  }

  groupOfInode(inode: InodeNumber): GroupNumber {
    return groupNumber(Math.floor((inode - 1) / this.#superblock.inodesPerGroup));
  }

  /** Whether the range lies inside the filesystem's data area. */
  containsBlocks(first: number, count: number): boolean {
    return first >= this.#superblock.firstDataBlock && count >= 0 && first + count <= this.blocksCount;
  }

  /** Whether the group holds a copy of the superblock (sparse_super, sparse_super2). */
  hasSuperblock(group: GroupNumber): boolean {
    const { features, backupGroups } = this.#superblock;
    if (group === 0) return true;
    if (features.hasCompat('SPARSE_SUPER2')) return group === backupGroups[0] || group === backupGroups[1];
    if (group === 1 || !features.hasRoCompat('SPARSE_SUPER')) return true;
    if (group % 2 === 0) return false;
    return isPowerOf(group, 3) || isPowerOf(group, 5) || isPowerOf(group, 7);
  }

  /** The block that holds the descriptor of `group`. */
  descriptorBlock(group: GroupNumber): PhysicalBlock {
    const index = Math.floor(group / this.descriptorsPerBlock);
    const { features, firstMetaBlockGroup, firstDataBlock } = this.#superblock;
    if (!features.hasIncompat('META_BG') || index < firstMetaBlockGroup) {
      return physicalBlock(this.#superblockBlock + 1 + index);
    }
    const firstGroup = groupNumber(index * this.descriptorsPerBlock);
    let before = this.hasSuperblock(firstGroup) ? 1 : 0;
    if (this.blockSize === 1024 && index === 0 && firstDataBlock === 0) before++;
    return physicalBlock(this.groupFirstBlock(firstGroup) + before);
  }

  /**
   * Blocks at the beginning of the group that hold a copy of the superblock, group descriptors, and
   * descriptor blocks reserved for growing.
   */
  superblockAndDescriptors(group: GroupNumber): number {
    const { features, firstMetaBlockGroup, reservedGdtBlocks } = this.#superblock;
    const superblocks = this.hasSuperblock(group) ? 1 : 0;
    const metaGroup = Math.floor(group / this.descriptorsPerBlock);
    if (features.hasIncompat('META_BG') && metaGroup >= firstMetaBlockGroup) {
      const within = group % this.descriptorsPerBlock;
      const holdsDescriptors = within === 0 || within === 1 || within === this.descriptorsPerBlock - 1;
      return superblocks + (holdsDescriptors ? 1 : 0);
    }
    if (superblocks === 0) return 0;
    const all = Math.ceil(this.groupCount / this.descriptorsPerBlock);
    const descriptors = features.hasIncompat('META_BG') ? Math.min(firstMetaBlockGroup, all) : all;
    return superblocks + descriptors + reservedGdtBlocks;
  }

  descriptorOffset(group: GroupNumber): number {
    return (group % this.descriptorsPerBlock) * this.#superblock.descriptorSize;
  }
}
