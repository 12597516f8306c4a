import type { BlockCache } from '../cache/block-cache.js';
import { CorruptionError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { Inode } from '../inode.js';
import { I_BLOCK } from '../layout/inode.js';
import { physicalBlock, type LogicalBlock } from '../units.js';
import { LOGICAL_BLOCK_LIMIT, RangeState, type MappedRange } from './mapping.js';

const DIRECT_POINTERS = 12;
const LEVELS = 3;
const POINTER_SIZE = 4;
/** A run is followed no further than this within one block of pointers: bounds the work of one answer. */
const MAX_RUN = 4096;

/**
 * Reads the block maps of ext2 and ext3: twelve direct pointers, then an indirect, a double and a
 * triple indirect block (Documentation/filesystems/ext4/ifork.rst, "Direct/Indirect Block Addressing").
 */
export class BlockMap {
  readonly #cache: BlockCache;
  readonly #geometry: Geometry;
  readonly #pointersPerBlock: number;

  constructor(cache: BlockCache, geometry: Geometry) {
    this.#cache = cache;
    this.#geometry = geometry;
    this.#pointersPerBlock = geometry.blockSize / POINTER_SIZE;
  }

  /** Blocks that pointers can reach at all; what lies beyond is a hole. */
  get reach(): number {
    const n = this.#pointersPerBlock;
    return Math.min(DIRECT_POINTERS + n + n * n + n * n * n, LOGICAL_BLOCK_LIMIT);
  }

  /** Finds the run that holds `logical`; a hole extends at least to the end of the missing pointer block. */
  map(inode: Inode, logical: LogicalBlock, result: MappedRange): void {
    if (logical < DIRECT_POINTERS) {
      this.#run(inode, inode.view, inode.offset + I_BLOCK, logical, DIRECT_POINTERS, logical, result);
      return;
    }
    let index = logical - DIRECT_POINTERS;
    let span = this.#pointersPerBlock;
    for (let level = 1; level <= LEVELS; level++) {
      if (index < span) {
        const root = inode.view.getUint32(inode.offset + I_BLOCK + (DIRECT_POINTERS + level - 1) * POINTER_SIZE, true);
        this.#descend(inode, root, index, span, logical, result);
        return;
      }
      index -= span;
      span *= this.#pointersPerBlock;
    }
    result.set(logical, LOGICAL_BLOCK_LIMIT - logical, RangeState.Hole, physicalBlock(0));
  }

  /** @param span logical blocks below `pointer`, of which `index` is wanted */
  #descend(inode: Inode, pointer: number, index: number, span: number, logical: LogicalBlock, result: MappedRange): void {
    let block = pointer;
    let within = index;
    let below = span;
    while (block !== 0) {
      this.#check(inode, block);
      const { view } = this.#cache.get(physicalBlock(block));
      below /= this.#pointersPerBlock;
      const slot = Math.floor(within / below);
      if (below === 1) {
        this.#run(inode, view, 0, slot, this.#pointersPerBlock, logical, result);
        return;
      }
      block = view.getUint32(slot * POINTER_SIZE, true);
      within %= below;
    }
    result.set(logical, Math.min(below - within, LOGICAL_BLOCK_LIMIT - logical), RangeState.Hole, physicalBlock(0));
  }

  /** The run of pointers from `slot` on that are contiguous, or all zero. */
  #run(inode: Inode, view: DataView, base: number, slot: number, slots: number, logical: LogicalBlock, result: MappedRange): void {
    const first = view.getUint32(base + slot * POINTER_SIZE, true);
    const step = first === 0 ? 0 : 1;
    if (first !== 0) this.#check(inode, first);
    const limit = Math.min(slots - slot, MAX_RUN);
    let length = 1;
    while (length < limit && view.getUint32(base + (slot + length) * POINTER_SIZE, true) === first + length * step) length++;
    if (first !== 0) this.#check(inode, first + length - 1);
    result.set(logical, length, first === 0 ? RangeState.Hole : RangeState.Written, physicalBlock(first));
  }

  #check(inode: Inode, block: number): void {
    if (!this.#geometry.containsBlocks(block, 1)) {
      throw new CorruptionError('block map', { inode: inode.number, block }, 'a pointer leads outside the filesystem');
    }
  }
}
