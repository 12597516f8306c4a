import { writeStatfsOut, type FilesystemStatistics } from '../../protocol/fuse/statfs.js';
import type { Filesystem } from '../ext4/filesystem.js';
import type { OperationTable } from '../session/handler.js';
import { overheadBlocks } from './space.js';
import type { Volume } from './volume.js';

const LONGEST_NAME = 255;

/** The kernel keeps 2 % of the space, 4096 clusters at most, for growing extent trees (ext4_set_resv_clusters()). */
const EXTENT_RESERVE = { divisor: 50, mostClusters: 4096 } as const;

/** STATFS. */
export function statfsOperations(volume: Volume): OperationTable {
  let statistics: MutableStatistics | undefined;
  const { clusterRatio } = volume.filesystem.geometry;
  return {
    STATFS: (_, reply) => {
      statistics ??= measure(volume);
      const { freeClusters, freeInodes } = volume.space();
      statistics.freeBlocks = freeClusters * clusterRatio;
      statistics.availableBlocks = Math.max(0, statistics.freeBlocks - statistics.reservedBlocks);
      statistics.freeFiles = freeInodes;
      return writeStatfsOut(reply.view, reply.body, statistics);
    },
  };
}

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
  if (!superblock.features.hasIncompat('EXTENTS')) return 0;
  const clusters = Math.floor(superblock.blocksCount / geometry.clusterRatio);
  return Math.min(Math.floor(clusters / EXTENT_RESERVE.divisor), EXTENT_RESERVE.mostClusters) * geometry.clusterRatio;
}
