import type { Geometry } from '../geometry.js';

/** Collects ranges in any order and joins what touches. */
export class SystemZonesBuilder {
  readonly #ranges: { start: number; end: number }[] = [];

  add(start: number, count: number): void {
    const last = this.#ranges[this.#ranges.length - 1];
    if (last !== undefined && last.end === start) last.end = start + count;
    else this.#ranges.push({ start, end: start + count });
  }

  build(geometry: Geometry): SystemZones {
    this.#ranges.sort((a, b) => a.start - b.start);
    const joined: { start: number; end: number }[] = [];
    for (const range of this.#ranges) {
      const last = joined[joined.length - 1];
      if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end);
      else joined.push({ ...range });
    }
    return new SystemZones(geometry, Float64Array.from(joined, (range) => range.start), Float64Array.from(joined, (range) => range.end));
  }
}

/**
 * The blocks that hold the filesystem's own structures: superblocks, group descriptors, bitmaps,
 * inode tables, the journal. No file may own, free or overwrite them, whatever its extent tree or a
 * bitmap says: that is how a crafted image would have its metadata rewritten.
 */
export class SystemZones {
  readonly #geometry: Geometry;
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;

  constructor(geometry: Geometry, starts: Float64Array, ends: Float64Array) {
    this.#geometry = geometry;
    this.#starts = starts;
    this.#ends = ends;
  }

  /** Whether the range lies inside the filesystem and touches none of its structures. */
  isFileSpace(start: number, count: number): boolean {
    if (!this.#geometry.containsBlocks(start, count)) return false;
    const index = this.#lastStartingBefore(start + count);
    return index < 0 || (this.#ends[index] as number) <= start;
  }

  /** Calls `visit` for the parts of the zones within [start, end). */
  within(start: number, end: number, visit: (start: number, end: number) => void): void {
    for (let index = this.#lastStartingBefore(end); index >= 0; index--) {
      const zoneEnd = this.#ends[index] as number;
      if (zoneEnd <= start) return;
      visit(Math.max(this.#starts[index] as number, start), Math.min(zoneEnd, end));
    }
  }

  #lastStartingBefore(limit: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) < limit) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
