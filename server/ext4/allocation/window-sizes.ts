import type { Geometry } from '../geometry.js';
import { groupNumber } from '../units.js';
import type { GroupCounters } from './group-counters.js';

/**
 * In bytes. Most files are written at once and never
 * grow: little behind them, so that they lie close together. Each time that a file has used its window up
 * the next is so many times as large; and a write as long as the longest request is a large file's first.
 */
const SMALLEST_WINDOW = 64 << 10;
const LARGEST_WINDOW = 64 << 20;
const WINDOW_GROWTH = 8;
const LONG_WRITE = 1 << 20;
/** Parts of the free space that one file may hold, and all together. */
const LARGEST_SHARE = 1 / 8;
const LARGEST_SHARE_OF_ALL = 1 / 4;

/** How much is held for a file behind its last allocation, in clusters. */
export class WindowSizes {
  readonly #geometry: Geometry;
  readonly #counters: GroupCounters;
  readonly #largest: number;

  constructor(geometry: Geometry, counters: GroupCounters) {
    this.#geometry = geometry;
    this.#counters = counters;
    this.#largest = Math.min(this.#clustersOf(LARGEST_WINDOW), Math.floor(geometry.groupBlocks(groupNumber(0)) / geometry.clusterRatio / 2));
  }

  /** Behind the first clusters that a file was given. */
  first(justGiven: number): number {
    return justGiven < this.#clustersOf(LONG_WRITE) ? this.#clustersOf(SMALLEST_WINDOW) : WINDOW_GROWTH * justGiven;
  }

  /** After a window of that size, which was used up. */
  next(size: number): number {
    return WINDOW_GROWTH * size;
  }

  /** Within what there is: a group has room for two of the largest. */
  limited(clusters: number): number {
    const most = Math.min(this.#largest, Math.floor(this.#counters.totals.freeClusters * LARGEST_SHARE));
    return Math.min(clusters, most);
  }

  /** Of all windows together. */
  get ofAll(): number {
    return Math.floor(this.#counters.totals.freeClusters * LARGEST_SHARE_OF_ALL);
  }

  #clustersOf(bytes: number): number {
    return Math.ceil(bytes / (this.#geometry.clusterRatio * this.#geometry.blockSize));
  }
}
