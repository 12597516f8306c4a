import type { Geometry } from '../geometry.js';
import type { Superblock } from '../layout/superblock.js';

const DIVISOR = 50;
const MOST_CLUSTERS = 4096;

/** The kernel keeps 2 % of the space, 4096 clusters at most, for growing extent trees (ext4_set_resv_clusters()). */
export function clustersForNodes({ blocksCount }: Superblock, { clusterRatio }: Geometry): number {
  return Math.min(Math.floor(Math.floor(blocksCount / clusterRatio) / DIVISOR), MOST_CLUSTERS);
}
