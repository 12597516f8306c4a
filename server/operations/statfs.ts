import { writeStatfsOut, type FilesystemStatistics } from '../../protocol/fuse/statfs.js';
import { clustersForNodes } from '../ext4/allocation/node-reserve.js';
import type { Filesystem } from '../ext4/filesystem.js';
import type { QuotaReport } from '../ext4/quota/quota.js';
import type { Handler } from '../session/handler.js';
import { overheadBlocks } from './space.js';
import type { Volume } from './volume.js';

const LONGEST_NAME = 255;

/** Answers STATFS. @param limits what the limits of a node's project are, where they are the size of the filesystem for it */
export function answeringStatfs(volume: Volume, limits: (nodeid: number) => QuotaReport | undefined = () => undefined): Handler {
  let statistics: MutableStatistics | undefined;
  const { clusterRatio } = volume.filesystem.geometry;
  return ({ nodeid }, reply) => {
    statistics ??= measure(volume);
    const { freeClusters, freeInodes } = volume.space();
    statistics.freeBlocks = freeClusters * clusterRatio;
    statistics.availableBlocks = Math.max(0, statistics.freeBlocks - statistics.reservedBlocks);
    statistics.freeFiles = freeInodes;
    const project = limits(nodeid);
    return writeStatfsOut(reply.view, reply.body, project === undefined ? statistics : withinLimits(statistics, project));
  };
}

/** As ext4_statfs_project() has it. */
function withinLimits(statistics: FilesystemStatistics, { space, spaceSoft, spaceHard, inodes, inodesSoft, inodesHard }: QuotaReport): FilesystemStatistics {
  const limited = { ...statistics };
  const blocks = Math.floor(lower(spaceSoft, spaceHard) / statistics.blockSize);
  if (blocks > 0 && statistics.blocks > blocks) {
    limited.blocks = blocks;
    limited.freeBlocks = limited.availableBlocks = Math.max(0, blocks - Math.floor(space / statistics.blockSize));
  }
  const files = lower(inodesSoft, inodesHard);
  if (files > 0 && statistics.files > files) {
    limited.files = files;
    limited.freeFiles = Math.max(0, files - inodes);
  }
  return limited;
}

/** Of two limits, where 0 is none. */
const lower = (one: number, other: number): number => (one === 0 || other === 0 ? one + other : Math.min(one, other));

type MutableStatistics = { -readonly [Key in keyof FilesystemStatistics]: FilesystemStatistics[Key] } & { readonly reservedBlocks: number };

/** What stays as it is; the rest is filled in. */
function measure({ filesystem, options }: Volume): MutableStatistics {
  const { superblock } = filesystem;
  return {
    blocks: superblock.blocksCount - (options.minixStatfs ? 0 : overheadBlocks(filesystem)),
    freeBlocks: 0,
    availableBlocks: 0,
    reservedBlocks: superblock.reservedBlocksCount + extentReserve(filesystem),
    files: superblock.inodesCount,
    freeFiles: 0,
    blockSize: superblock.blockSize,
    maximumNameLength: LONGEST_NAME,
  };
}

function extentReserve({ superblock, geometry }: Filesystem): number {
  return superblock.features.hasIncompat('EXTENTS') ? clustersForNodes(superblock, geometry) * geometry.clusterRatio : 0;
}
