/** How full a filesystem is, by its group descriptors, and what its own structures take. */
import type { Filesystem } from '../ext4/filesystem.js';
import * as descriptor from '../ext4/layout/group-descriptor.js';
import { groupNumber, inodeNumber } from '../ext4/units.js';

/** Between so many groups the block cache may shrink: a volume of 16 TiB has 131,072 groups. */
const GROUPS_BETWEEN_TRIMS = 4096;

/** What is free. */
export interface SpaceInUse {
  readonly freeClusters: number;
  readonly freeInodes: number;
}

/** Sums over all groups. The superblock keeps the same sums, but a kernel that crashed left old ones there. */
export function spaceInUse(filesystem: Filesystem): SpaceInUse {
  const { geometry, groups, superblock } = filesystem;
  let freeClusters = 0;
  let freeInodes = 0;
  for (let group = 0; group < geometry.groupCount; group++) {
    if (group % GROUPS_BETWEEN_TRIMS === 0) filesystem.trim();
    const { block, offset } = groups.descriptor(groupNumber(group));
    freeClusters += descriptor.freeClusters(block.view, offset, superblock.descriptorSize);
    freeInodes += descriptor.freeInodes(block.view, offset, superblock.descriptorSize);
  }
  const mostClusters = Math.floor(superblock.blocksCount / geometry.clusterRatio);
  return { freeClusters: Math.min(freeClusters, mostClusters), freeInodes: Math.min(freeInodes, superblock.inodesCount) };
}

/** Blocks that can never hold data, as the kernel counts them (ext4_calculate_overhead()). */
export function overheadBlocks(filesystem: Filesystem): number {
  const { superblock, geometry } = filesystem;
  // With bigalloc structures share clusters, and only the sum that mke2fs recorded is right.
  if (geometry.clusterRatio > 1 && superblock.overheadClusters > 0) {
    return Math.min(superblock.overheadClusters * geometry.clusterRatio, superblock.blocksCount);
  }
  const inodeTable = Math.ceil((superblock.inodesPerGroup * superblock.inodeSize) / superblock.blockSize);
  let blocks = superblock.firstDataBlock + geometry.groupCount * (2 + inodeTable);
  const descriptorBlocks = Math.ceil(geometry.groupCount / geometry.descriptorsPerBlock);
  for (let group = 0; group < geometry.groupCount; group++) {
    const copy = geometry.hasSuperblock(groupNumber(group)) ? 1 : 0;
    blocks += copy + descriptorBlocksIn(filesystem, group, copy === 1, descriptorBlocks);
  }
  return Math.min(blocks + journalBlocks(filesystem), superblock.blocksCount);
}

/** How many blocks of group descriptors a group holds, and how many are kept free for more. */
function descriptorBlocksIn({ superblock, geometry }: Filesystem, group: number, copy: boolean, all: number): number {
  const metaGroup = Math.floor(group / geometry.descriptorsPerBlock);
  const { features, firstMetaBlockGroup, reservedGdtBlocks } = superblock;
  if (!features.hasIncompat('META_BG')) return copy ? all + reservedGdtBlocks : 0;
  if (metaGroup < firstMetaBlockGroup) return copy ? Math.min(firstMetaBlockGroup, all) : 0;
  const within = group % geometry.descriptorsPerBlock;
  return within === 0 || within === 1 || within === geometry.descriptorsPerBlock - 1 ? 1 : 0;
}

function journalBlocks({ superblock, inodes }: Filesystem): number {
  if (!superblock.features.hasCompat('HAS_JOURNAL') || superblock.journalInode === 0) return 0;
  return Math.floor(inodes.get(inodeNumber(superblock.journalInode)).size / superblock.blockSize);
}
