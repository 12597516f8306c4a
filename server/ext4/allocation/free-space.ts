import type { BlockDevice } from '../../device/block-device.js';
import { CorruptionError, errno, OperationError, type FilesystemError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import { groupNumber, physicalBlock, type GroupNumber } from '../units.js';
import { nextClear, nextSet } from './bitmap.js';
import type { BlockBitmaps } from './block-bitmaps.js';

/** Between so many groups the block cache may shrink: each has a bitmap to be read. */
const GROUPS_BETWEEN_TRIMS = 256;

/** What of the filesystem to tell the device about, in bytes. */
export interface TrimRange {
  readonly start: number;
  readonly length: number;
  /** Shorter free runs are left alone. */
  readonly shortest: number;
}

/** Tells the device of all that is free (fstrim(8)). */
export class FreeSpace {
  readonly #device: BlockDevice;
  readonly #geometry: Geometry;
  readonly #bitmaps: BlockBitmaps;
  readonly #clustersPerGroup: number;
  readonly #report: (problem: FilesystemError) => void;
  readonly #trimCaches: () => void;

  constructor(device: BlockDevice, geometry: Geometry, bitmaps: BlockBitmaps, clustersPerGroup: number, report: (problem: FilesystemError) => void, trimCaches: () => void) {
    this.#device = device;
    this.#geometry = geometry;
    this.#bitmaps = bitmaps;
    this.#clustersPerGroup = clustersPerGroup;
    this.#report = report;
    this.#trimCaches = trimCaches;
  }

  /**
   * Discards what is free in the range, as the bitmaps have it: everything must be committed. Nothing
   * from outside may be in use across this call, for it trims the caches.
   * @returns the bytes that the device was told about
   * @throws OperationError EINVAL as ext4 does, EOPNOTSUPP where the device takes no discards
   */
  trim({ start, length, shortest }: TrimRange): number {
    const { blockSize, blocksCount, clusterRatio } = this.#geometry;
    const first = Math.floor(start / blockSize);
    const end = Math.min(first + Math.floor(length / blockSize), blocksCount);
    const shortestRun = Math.max(1, Math.floor(shortest / blockSize / clusterRatio));
    if (shortestRun > this.#clustersPerGroup || first >= blocksCount || length < blockSize) {
      throw new OperationError(errno.EINVAL, `nothing to trim in ${length} bytes at ${start}`);
    }
    const firstData = this.#geometry.groupFirstBlock(groupNumber(0));
    if (end <= firstData) return 0;
    const from = Math.max(first, firstData);
    const lastGroup = this.#geometry.groupOfBlock(physicalBlock(end - 1));
    const words = new Uint32Array(blockSize / 4);
    let clusters = 0;
    for (let group: number = this.#geometry.groupOfBlock(physicalBlock(from)); group <= lastGroup; group++) {
      clusters += this.#trimGroup(groupNumber(group), from, end, shortestRun, words);
      if (group % GROUPS_BETWEEN_TRIMS === 0) this.#trimCaches();
    }
    return clusters * clusterRatio * blockSize;
  }

  /** @returns clusters */
  #trimGroup(group: GroupNumber, from: number, end: number, shortest: number, words: Uint32Array): number {
    const { blockSize, clusterRatio } = this.#geometry;
    const first = this.#geometry.groupFirstBlock(group);
    const limit = Math.min(this.#bitmaps.clustersIn(group), Math.ceil((end - first) / clusterRatio));
    try {
      this.#bitmaps.copyTo(group, words);
    } catch (error) {
      // As with allocating: a group whose bitmap is damaged is left alone.
      if (!(error instanceof CorruptionError)) throw error;
      this.#report(error);
      return 0;
    }
    let trimmed = 0;
    let at = nextClear(words, Math.max(0, Math.floor((from - first) / clusterRatio)), limit);
    while (at < limit) {
      const stop = nextSet(words, at, limit);
      if (stop - at >= shortest) {
        // A group that is cut short may end inside its last cluster.
        const blocks = Math.min((stop - at) * clusterRatio, this.#geometry.groupBlocks(group) - at * clusterRatio);
        if (!this.#device.discard((first + at * clusterRatio) * blockSize, blocks * blockSize)) {
          throw new OperationError(errno.EOPNOTSUPP, 'the device takes no discards');
        }
        trimmed += stop - at;
      }
      at = nextClear(words, stop, limit);
    }
    return trimmed;
  }
}
