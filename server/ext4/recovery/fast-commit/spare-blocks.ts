import { bitmapWords, nextClear } from '../../allocation/bitmap.js';
import type { AllocatedRun, AllocationRequest, BlockSpace } from '../../allocation/block-space.js';
import type { BlockCache } from '../../cache/block-cache.js';
import { CorruptionError, errno, OperationError } from '../../errors.js';
import type { Geometry } from '../../geometry.js';
import type { Groups } from '../../groups.js';
import type { FastCommitRecord } from '../../layout/fast-commit.js';
import { blockBitmapBlock, groupFlags, GroupFlags } from '../../layout/group-descriptor.js';
import type { Superblock } from '../../layout/superblock.js';
import { groupNumber, physicalBlock, type PhysicalBlock } from '../../units.js';

/** A filesystem where so many groups are full is not searched further. */
const MOST_GROUPS = 1024;

/**
 * Blocks for what a replay has to add: directory blocks, nodes of extent trees. They are free on the
 * device, and no fast commit gives them to a file; nobody marks them as used, so this serves only where
 * nothing is ever written.
 */
export class SpareBlocks implements BlockSpace {
  callerIsPrivileged = true;
  keptForNodes = 0;
  readonly #superblock: Superblock;
  readonly #geometry: Geometry;
  readonly #groups: Groups;
  readonly #cache: BlockCache;
  /** What the fast commits give to files. */
  readonly #claimed: ClaimedRanges;
  #group = 0;
  #bit = 0;

  constructor(superblock: Superblock, geometry: Geometry, groups: Groups, cache: BlockCache, records: readonly FastCommitRecord[]) {
    this.#superblock = superblock;
    this.#geometry = geometry;
    this.#groups = groups;
    this.#cache = cache;
    this.#claimed = new ClaimedRanges(records);
  }

  allocate(_request: AllocationRequest, run: AllocatedRun): void {
    const groups = Math.min(this.#geometry.groupCount, MOST_GROUPS);
    for (; this.#group < groups; this.#group++, this.#bit = 0) {
      const block = this.#nextInGroup(this.#group);
      if (block === null) continue;
      run.start = physicalBlock(block);
      run.length = this.#geometry.clusterRatio;
      return;
    }
    throw new OperationError(errno.ENOSPC, 'no free block for the replay of fast commits');
  }

  free(): void {
    // Blocks that were given up stay as they are: they are marked as used on the device.
  }

  isFileSpace(start: PhysicalBlock, length: number): boolean {
    return this.#geometry.containsBlocks(start, length);
  }

  hasRoom(): boolean {
    return true;
  }

  releaseWindow(): void {
    // Nothing is held for anyone.
  }

  #nextInGroup(number: number): number | null {
    const group = groupNumber(number);
    const { block, offset } = this.#groups.descriptor(group);
    // A bitmap that was never written would have to be worked out; there are other groups.
    if ((groupFlags(block.view, offset) & GroupFlags.BLOCK_UNINIT) !== 0) return null;
    const place = blockBitmapBlock(block.view, offset, this.#superblock.descriptorSize);
    if (!this.#geometry.containsBlocks(place, 1)) {
      throw new CorruptionError('group descriptor', { group: number }, `block bitmap ${place} is not inside the filesystem`);
    }
    const words = bitmapWords(this.#cache.get(physicalBlock(place)).bytes);
    const clusters = Math.ceil(this.#geometry.groupBlocks(group) / this.#geometry.clusterRatio);
    const first = this.#geometry.groupFirstBlock(group);
    for (;;) {
      const bit = nextClear(words, this.#bit, clusters);
      if (bit >= clusters) return null;
      this.#bit = bit + 1;
      const candidate = first + bit * this.#geometry.clusterRatio;
      if (!this.#claimed.meet(candidate, candidate + this.#geometry.clusterRatio)) return candidate;
    }
  }
}

/** Ranges of blocks that belong to files once the fast commits are replayed. */
class ClaimedRanges {
  /** Ascending and apart from each other; each ends before its counterpart in `#ends`. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  constructor(records: readonly FastCommitRecord[]) {
    const ranges = records.filter((record) => record.kind === 'add range').sort((a, b) => a.physical - b.physical);
    for (const { physical, length } of ranges) {
      const last = this.#ends.length - 1;
      const end = this.#ends[last];
      if (end !== undefined && physical <= end) {
        this.#ends[last] = Math.max(end, physical + length);
      } else {
        this.#starts.push(physical);
        this.#ends.push(physical + length);
      }
    }
  }

  /** Whether any block in [from, to) is claimed. */
  meet(from: number, to: number): boolean {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) < to) low = middle + 1;
      else high = middle;
    }
    return low > 0 && (this.#ends[low - 1] as number) > from;
  }
}
