import { writeStatfsOut, type FilesystemStatistics } from '../../protocol/fuse/statfs.js';
import type { Filesystem } from '../ext4/filesystem.js';
import type { OperationTable } from '../session/handler.js';
import { overheadBlocks, spaceInUse } from './space.js';
import type { Volume } from './volume.js';

const LONGEST_NAME = 255;

/** The kernel keeps 2 % of the space, 4096 clusters at most, for growing extent trees (ext4_set_resv_clusters()). */
const EXTENT_RESERVE = { divisor: 50, mostClusters: 4096 } as const;

/** STATFS. */
export function statfsOperations(volume: Volume): OperationTable {
  let statistics: FilesystemStatistics | undefined;
  return {
    // Nothing changes on a filesystem that is not written.
    STATFS: (_, reply) => writeStatfsOut(reply.view, reply.body, (statistics ??= measure(volume))),
  };
}

function measure({ filesystem, options }: Volume): FilesystemStatistics {
  const { superblock, geometry } = filesystem;
  const { freeClusters, freeInodes } = spaceInUse(filesystem);
  const freeBlocks = freeClusters * geometry.clusterRatio;
  const reserved = superblock.reservedBlocksCount + extentReserve(filesystem);
  return {
    blocks: superblock.blocksCount - (options.minixStatfs ? 0 : overheadBlocks(filesystem)),
    freeBlocks,
    availableBlocks: Math.max(0, freeBlocks - reserved),
    files: superblock.inodesCount,
    freeFiles: freeInodes,
    blockSize: superblock.blockSize,
    maximumNameLength: LONGEST_NAME,
  };
}

function extentReserve({ superblock, geometry }: Filesystem): number {
  if (!superblock.features.hasIncompat('EXTENTS')) return 0;
  const clusters = Math.floor(superblock.blocksCount / geometry.clusterRatio);
  return Math.min(Math.floor(clusters / EXTENT_RESERVE.divisor), EXTENT_RESERVE.mostClusters) * geometry.clusterRatio;
}
