import { Verified, type BlockCache, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError, type Place } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { Inode } from '../inode.js';
import * as layout from '../layout/extent.js';
import { I_BLOCK } from '../layout/inode.js';
import { physicalBlock, type LogicalBlock } from '../units.js';
import type { ExtentPath } from './extent-path.js';
import { LOGICAL_BLOCK_LIMIT, RangeState, type MappedRange } from './mapping.js';

/** Reads extent trees. Every node is checked once per load, so that a search may trust what it walks. */
export class ExtentTree {
  readonly #cache: BlockCache;
  readonly #geometry: Geometry;
  readonly #checksums: boolean;

  constructor(cache: BlockCache, geometry: Geometry, checksums: boolean) {
    this.#cache = cache;
    this.#geometry = geometry;
    this.#checksums = checksums;
  }

  /**
   * Finds the run that holds `logical`; a hole extends to the next extent.
   * @throws CorruptionError where the tree is damaged on the way there
   */
  map(inode: Inode, logical: LogicalBlock, result: MappedRange): void {
    let { view } = inode;
    let node = inode.offset + I_BLOCK;
    if (!inode.extentRootVerified) this.#verifyRoot(inode);
    /** Where the next extent can begin at the latest: bounds the length of a hole. */
    let limit = LOGICAL_BLOCK_LIMIT;
    for (let depth = layout.depth(view, node); depth > 0; depth--) {
      const index = this.#search(view, node, logical);
      if (index + 1 < layout.entryCount(view, node)) limit = layout.entryLogical(view, layout.entryAt(node, index + 1));
      if (index < 0) {
        result.set(logical, limit - logical, RangeState.Hole, physicalBlock(0));
        return;
      }
      const entry = layout.entryAt(node, index);
      view = this.#child(inode, layout.indexTarget(view, entry), layout.entryLogical(view, entry), limit, depth - 1).view;
      node = 0;
    }
    this.#mapInLeaf(view, node, logical, limit, result);
  }

  /**
   * Finds the way to the leaf in which `logical` is or belongs. In the leaf the index is that of the
   * last extent that begins at or before it; -1 where none does.
   */
  locate(inode: Inode, logical: LogicalBlock, path: ExtentPath): void {
    if (!inode.extentRootVerified) this.#verifyRoot(inode);
    let limit = LOGICAL_BLOCK_LIMIT;
    path.depth = layout.depth(inode.view, inode.offset + I_BLOCK);
    path.at(path.depth).setRoot(inode);
    for (let height = path.depth; ; height--) {
      const node = path.at(height);
      const found = node.search(logical);
      node.index = height === 0 ? found : Math.max(found, 0);
      if (height === 0) return;
      if (node.index + 1 < node.entries) limit = layout.entryLogical(node.view, node.entryAt(node.index + 1));
      const entry = node.entryAt(node.index);
      const target = layout.indexTarget(node.view, entry);
      path.at(height - 1).setBlock(this.#child(inode, target, layout.entryLogical(node.view, entry), limit, height - 1));
    }
  }

  /** Depth of the tree, 0 when the extents are in the inode itself. */
  depth(inode: Inode): number {
    if (!inode.extentRootVerified) this.#verifyRoot(inode);
    return layout.depth(inode.view, inode.offset + I_BLOCK);
  }

  #mapInLeaf(view: DataView, node: number, logical: LogicalBlock, limit: number, result: MappedRange): void {
    const index = this.#search(view, node, logical);
    if (index >= 0) {
      const entry = layout.entryAt(node, index);
      const into = logical - layout.entryLogical(view, entry);
      const length = layout.extentLength(view, entry);
      if (into < length) {
        const state = layout.isUnwritten(view, entry) ? RangeState.Unwritten : RangeState.Written;
        result.set(logical, length - into, state, physicalBlock(layout.extentStart(view, entry) + into), into);
        return;
      }
    }
    const next = index + 1 < layout.entryCount(view, node) ? layout.entryLogical(view, layout.entryAt(node, index + 1)) : limit;
    result.set(logical, next - logical, RangeState.Hole, physicalBlock(0));
  }

  /** Index of the last entry that begins at or before `logical`, -1 if none does. */
  #search(view: DataView, node: number, logical: number): number {
    let low = 0;
    let high = layout.entryCount(view, node);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (layout.entryLogical(view, layout.entryAt(node, middle)) <= logical) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #verifyRoot(inode: Inode): void {
    const node = inode.offset + I_BLOCK;
    const place = { inode: inode.number };
    const depth = layout.depth(inode.view, node);
    if (depth > layout.MAX_DEPTH) throw new CorruptionError('extent tree', place, `depth ${depth} is above ${layout.MAX_DEPTH}`);
    this.#verifyNode(inode.view, node, depth, layout.ROOT_ENTRIES, 0, LOGICAL_BLOCK_LIMIT, false, place);
    inode.extentRootVerified = true;
  }

  /** @param first the logical block at which the parent says the child begins; it ends before `limit` */
  #child(inode: Inode, target: number, first: number, limit: number, depth: number): CachedBlock {
    const place = { inode: inode.number, block: target };
    if (!this.#geometry.containsBlocks(target, 1)) {
      throw new CorruptionError('extent tree', place, 'an index entry points outside the filesystem');
    }
    const block = this.#cache.get(physicalBlock(target));
    // The depth is checked again even then: a damaged tree may reach the same node on two levels.
    if (block.isVerified(Verified.ExtentNode, inode.number) && layout.depth(block.view, 0) === depth) return block;
    const { view, bytes } = block;
    this.#verifyNode(view, 0, depth, layout.maxEntriesInBlock(bytes.length), first, limit, true, place);
    if (this.#checksums) {
      const stored = layout.storedChecksum(view);
      const computed = layout.computeChecksum(inode.checksumSeed, bytes, view);
      if (stored !== computed) {
        throw new CorruptionError('extent tree', place, `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}`);
      }
    }
    block.markVerified(Verified.ExtentNode, inode.number);
    return block;
  }

  #verifyNode(
    view: DataView,
    node: number,
    depth: number,
    capacity: number,
    first: number,
    limit: number,
    hasParent: boolean,
    place: Place,
  ): void {
    const check = (holds: boolean, detail: string): void => {
      if (!holds) throw new CorruptionError('extent tree', place, detail);
    };
    const entries = layout.entryCount(view, node);
    const max = layout.maxEntries(view, node);
    check(layout.magic(view, node) === layout.EXTENT_MAGIC, `magic number is ${layout.magic(view, node).toString(16)}`);
    check(layout.depth(view, node) === depth, `depth is ${layout.depth(view, node)} where ${depth} belongs`);
    check(max > 0 && max <= capacity, `eh_max ${max} is not between 1 and ${capacity}`);
    check(entries <= max, `${entries} entries where ${max} fit`);
    check(entries > 0 || depth === 0, 'an index node without entries');

    let previousEnd = first;
    for (let index = 0; index < entries; index++) {
      const entry = layout.entryAt(node, index);
      const logical = layout.entryLogical(view, entry);
      check(index > 0 || !hasParent || logical === first, `begins at logical block ${logical}, its parent says ${first}`);
      check(logical >= previousEnd, `entry ${index} at logical block ${logical} overlaps the one before`);
      if (depth > 0) {
        check(this.#geometry.containsBlocks(layout.indexTarget(view, entry), 1), `entry ${index} points to block ${layout.indexTarget(view, entry)}`);
        previousEnd = logical + 1;
        continue;
      }
      const length = layout.extentLength(view, entry);
      const start = layout.extentStart(view, entry);
      check(length > 0, `extent ${index} at logical block ${logical} has no length`);
      check(logical + length <= limit, `extent ${index} at logical block ${logical} reaches past block ${limit}`);
      check(this.#geometry.containsBlocks(start, length), `extent ${index} at logical block ${logical} maps to blocks ${start}+${length}`);
      previousEnd = logical + length;
    }
  }
}
