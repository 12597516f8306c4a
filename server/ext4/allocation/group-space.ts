import type { GroupNumber } from '../units.js';
import type { BlockBitmaps } from './block-bitmaps.js';
import { clearBits, countClear, nextClear, nextSet, setBits } from './bitmap.js';

/** Clusters of a group, [from, to). */
export interface ClusterRange {
  readonly group: GroupNumber;
  readonly from: number;
  readonly to: number;
}

/** A search's answer: clusters [from, from+length) of the group searched; length 0 for none. */
export interface FoundRun {
  from: number;
  length: number;
}

/**
 * What of a group can be handed out: its bitmap in memory, with bits set besides for what was freed
 * but is not committed, and for what is held for files being written.
 */
export class GroupSpace {
  readonly group: GroupNumber;
  readonly #busy: Uint32Array;
  readonly #clusters: number;
  /** Clear bits. */
  free = 0;
  /**
   * No run of `#roomSought` or more begins in [#soughtFrom, #soughtTo): small files leave gaps between
   * them that the next search need not look at again.
   */
  #roomSought = 0;
  #soughtFrom = 0;
  #soughtTo = 0;

  constructor(group: GroupNumber, bitmaps: BlockBitmaps, blockSize: number, held: Iterable<ClusterRange>) {
    this.group = group;
    this.#busy = new Uint32Array(blockSize / 4);
    this.#clusters = bitmaps.clustersIn(group);
    bitmaps.copyTo(group, this.#busy);
    for (const range of held) if (range.group === group) setBits(this.#busy, range.from, range.to);
    this.free = countClear(this.#busy, 0, this.#clusters);
  }

  take(from: number, to: number): void {
    if (from === to) return;
    this.free -= countClear(this.#busy, from, to);
    setBits(this.#busy, from, to);
  }

  giveBack(from: number, to: number): void {
    clearBits(this.#busy, from, to);
    this.free += to - from;
    // A run that has become long enough by this begins at most so far before it.
    this.#soughtTo = Math.min(this.#soughtTo, from - this.#roomSought + 1);
  }

  /** The run that begins exactly at `from`, up to `wanted` long. */
  runAt(from: number, wanted: number, found: FoundRun): void {
    const limit = Math.min(from + wanted, this.#clusters);
    found.from = from;
    found.length = from < limit ? nextSet(this.#busy, from, limit) - from : 0;
  }

  /** The first run of `wanted` at or after `goal`, going round once; where none is that long, the longest. */
  bestRun(goal: number, wanted: number, found: FoundRun): void {
    found.length = 0;
    const isKnown = wanted >= this.#roomSought && goal >= this.#soughtFrom && goal < this.#soughtTo;
    if (this.#search(isKnown ? this.#soughtTo : goal, this.#clusters, wanted, found)) {
      this.#roomSought = wanted;
      if (!isKnown) this.#soughtFrom = goal;
      this.#soughtTo = found.from;
      return;
    }
    if (isKnown) {
      // What was passed over may still hold the longest.
      found.length = 0;
      this.#search(goal, this.#clusters, wanted, found);
    }
    this.#search(0, goal, wanted, found);
  }

  #search(from: number, end: number, wanted: number, found: FoundRun): boolean {
    let at = nextClear(this.#busy, from, end);
    while (at < end) {
      const limit = Math.min(at + wanted, this.#clusters);
      const stop = nextSet(this.#busy, at, limit);
      if (stop - at > found.length) {
        found.from = at;
        found.length = stop - at;
        if (found.length >= wanted) return true;
      }
      at = nextClear(this.#busy, stop, end);
    }
    return false;
  }
}
