import { UnsupportedError } from '../../errors.js';
import type { Geometry } from '../../geometry.js';
import type { Inode } from '../../inode.js';
import { ExtentPath } from '../../mapping/extent-path.js';
import type { FileMapping } from '../../mapping/file-mapping.js';
import { LOGICAL_BLOCK_LIMIT, MappedRange, RangeState } from '../../mapping/mapping.js';
import { logicalBlock, physicalBlock } from '../../units.js';

/** Clusters of one group, in use by a file. */
export interface OwnedRange {
  readonly group: number;
  readonly from: number;
  readonly to: number;
}

/** Files with more pieces together would keep a mount busy for minutes. */
const MOST_RANGES = 1 << 20;

/** Finds what inodes own by their extent trees: data, and the nodes of the tree. */
export class OwnedSpace {
  readonly #geometry: Geometry;
  readonly #mapping: FileMapping;
  readonly #clustersPerGroup: number;
  readonly #path = new ExtentPath();
  readonly #range = new MappedRange();
  #found = 0;

  constructor(geometry: Geometry, mapping: FileMapping, clustersPerGroup: number) {
    this.#geometry = geometry;
    this.#mapping = mapping;
    this.#clustersPerGroup = clustersPerGroup;
  }

  /** @returns ranges that do not overlap; none for an inode without extents */
  of(inode: Inode): OwnedRange[] {
    if (!inode.hasFlag('EXTENTS') || inode.hasFlag('INLINE_DATA')) return [];
    const ranges: OwnedRange[] = [];
    const nodes = new Set<number>();
    for (let at = 0; at < LOGICAL_BLOCK_LIMIT; at += this.#range.length) {
      this.#noteNodes(inode, at, nodes);
      this.#mapping.map(inode, logicalBlock(at), this.#range);
      if (this.#range.state !== RangeState.Hole) this.#add(ranges, this.#range.physical, this.#range.length);
      if (++this.#found > MOST_RANGES) throw new UnsupportedError(`files of fast commits are in more than ${MOST_RANGES} pieces`);
    }
    for (const node of nodes) this.#add(ranges, node, 1);
    return joined(ranges);
  }

  #noteNodes(inode: Inode, at: number, nodes: Set<number>): void {
    this.#mapping.extents.locate(inode, logicalBlock(at), this.#path);
    for (let height = 0; height < this.#path.depth; height++) {
      const { block } = this.#path.at(height);
      if (block !== undefined) nodes.add(block.number);
    }
  }

  #add(ranges: OwnedRange[], start: number, length: number): void {
    const ratio = this.#geometry.clusterRatio;
    for (let at = start; at < start + length; ) {
      const group = this.#geometry.groupOfBlock(physicalBlock(at));
      const first = this.#geometry.groupFirstBlock(group);
      const end = Math.min(start + length, first + this.#clustersPerGroup * ratio);
      ranges.push({ group, from: Math.floor((at - first) / ratio), to: Math.ceil((end - first) / ratio) });
      at = end;
    }
  }
}

export const clustersIn = (ranges: readonly OwnedRange[]): number => ranges.reduce((sum, { from, to }) => sum + to - from, 0);

/** Blocks that follow each other in a file may share a cluster. */
function joined(ranges: OwnedRange[]): OwnedRange[] {
  ranges.sort((a, b) => a.group - b.group || a.from - b.from);
  const result: OwnedRange[] = [];
  for (const range of ranges) {
    const last = result.at(-1);
    if (last !== undefined && last.group === range.group && range.from <= last.to) {
      result[result.length - 1] = { group: last.group, from: last.from, to: Math.max(last.to, range.to) };
    } else {
      result.push(range);
    }
  }
  return result;
}
