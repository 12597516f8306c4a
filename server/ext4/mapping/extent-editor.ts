import type { BlockCache } from '../cache/block-cache.js';
import type { BlockSpace } from '../allocation/block-space.js';
import { CorruptionError } from '../errors.js';
import type { Inode } from '../inode.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Transactions } from '../journal/transactions.js';
import * as layout from '../layout/extent.js';
import { logicalBlock, physicalBlock, type LogicalBlock, type PhysicalBlock } from '../units.js';
import { ExtentNodes } from './extent-nodes.js';
import { ExtentPath, type PathNode } from './extent-path.js';
import type { ExtentTree } from './extents.js';

/** Longest extent of each state. */
const longest = (unwritten: boolean): number => (unwritten ? layout.MAX_WRITTEN_LENGTH - 1 : layout.MAX_WRITTEN_LENGTH);

/** Told of each run of blocks that a removal took out of the tree. */
export type Release = (inode: Inode, logical: LogicalBlock, physical: PhysicalBlock, length: number) => void;

/**
 * Changes the mappings of extent trees, inside a handle. An error half-way (ENOSPC for a node, damage
 * met on the way) leaves undoing to the handle.
 */
export class ExtentEditor {
  readonly #tree: ExtentTree;
  readonly #transactions: Transactions;
  readonly #path = new ExtentPath();
  readonly #nodes: ExtentNodes;

  constructor(tree: ExtentTree, cache: BlockCache, transactions: Transactions, inodes: InodeEditor, space: BlockSpace, clusterRatio: number) {
    this.#tree = tree;
    this.#transactions = transactions;
    this.#nodes = new ExtentNodes(this.#path, cache, transactions, inodes, space, clusterRatio);
  }

  /**
   * Maps a range that is a hole. Joined to its neighbours where they continue it.
   * @param length 1..32768 blocks, unwritten ones one less
   */
  insert(inode: Inode, logical: LogicalBlock, length: number, physical: PhysicalBlock, unwritten: boolean): void {
    this.#tree.locate(inode, logical, this.#path);
    if (this.#joinLeft(inode, logical, length, physical, unwritten)) return;
    if (this.#joinRight(inode, logical, length, physical, unwritten)) return;
    this.#insertEntry(inode, logical, length, physical, unwritten);
  }

  /**
   * Turns a range, which must be mapped throughout, into a written or an unwritten one, until all of it
   * is or the handle is crowded; what one extent holds in any case.
   * @returns where it stopped
   */
  convert(inode: Inode, logical: LogicalBlock, length: number, toUnwritten: boolean): LogicalBlock {
    let at: number = logical;
    const end = logical + length;
    while (at < end) {
      if (at > logical && this.#transactions.isCrowded) break;
      const leaf = this.#locateMapped(inode, at);
      const entry = leaf.entryAt(leaf.index);
      const start = layout.entryLogical(leaf.view, entry);
      const extentEnd = this.#entryEnd(leaf, leaf.index);
      const count = Math.min(end, extentEnd) - at;
      if (layout.isUnwritten(leaf.view, entry) !== toUnwritten) {
        const physical = physicalBlock(layout.extentStart(leaf.view, entry) + at - start);
        this.#cut(inode, at, at + count);
        this.insert(inode, logicalBlock(at), count, physical, toUnwritten);
      }
      at += count;
    }
    return logicalBlock(at);
  }

  /**
   * Turns every unwritten extent that holds a part of the range into a written one, which takes no room.
   * @param zero told of what becomes readable outside the range
   */
  convertExtents(inode: Inode, logical: LogicalBlock, length: number, zero: (start: PhysicalBlock, length: number) => void): void {
    const end = logical + length;
    for (let at: number = logical; at < end; ) {
      const leaf = this.#locateMapped(inode, at);
      const entry = leaf.entryAt(leaf.index);
      const start = layout.entryLogical(leaf.view, entry);
      const extentEnd = this.#entryEnd(leaf, leaf.index);
      const stop = Math.min(end, extentEnd);
      if (layout.isUnwritten(leaf.view, entry)) {
        const physical = layout.extentStart(leaf.view, entry);
        if (at > start) zero(physicalBlock(physical), at - start);
        if (stop < extentEnd) zero(physicalBlock(physical + stop - start), extentEnd - stop);
        this.#nodes.modify(inode, leaf);
        layout.setExtent(leaf.view, entry, start, extentEnd - start, physical, false);
      }
      at = stop;
    }
  }

  /**
   * Turns every written extent that lies wholly in the range into an unwritten one, which takes no room,
   * until all is seen to or the handle is crowded.
   * @param zero told of what cannot be turned: parts of extents, and those of the full length
   * @returns where it stopped
   */
  emptyExtents(inode: Inode, logical: LogicalBlock, length: number, zero: (logical: LogicalBlock, length: number) => void): LogicalBlock {
    const end = logical + length;
    let at: number = logical;
    while (at < end) {
      if (at > logical && this.#transactions.isCrowded) break;
      const leaf = this.#locateMapped(inode, at);
      const entry = leaf.entryAt(leaf.index);
      const start = layout.entryLogical(leaf.view, entry);
      const extentEnd = this.#entryEnd(leaf, leaf.index);
      const stop = Math.min(end, extentEnd);
      if (!layout.isUnwritten(leaf.view, entry)) {
        if (at === start && stop === extentEnd && stop - at <= longest(true)) {
          this.#nodes.modify(inode, leaf);
          layout.setExtent(leaf.view, entry, start, stop - at, layout.extentStart(leaf.view, entry), true);
        } else {
          zero(logicalBlock(at), stop - at);
        }
      }
      at = stop;
    }
    return logicalBlock(at);
  }

  /** Whether taking the range out needs another node: it lies inside one extent, whose leaf is full. */
  needsNodeToRemove(inode: Inode, from: LogicalBlock, to: number): boolean {
    this.#tree.locate(inode, from, this.#path);
    const { leaf } = this.#path;
    if (leaf.index < 0 || !leaf.isFull) return false;
    return layout.entryLogical(leaf.view, leaf.entryAt(leaf.index)) < from && to < this.#entryEnd(leaf, leaf.index);
  }

  /**
   * Takes mappings within [from, to) out, extent by extent, until all are gone, `mostExtents` were
   * touched, or the handle is crowded.
   * @param journalled every block will be revoked, which bounds how many go at a time
   * @returns where it stopped: `to` when nothing is left
   */
  remove(inode: Inode, from: LogicalBlock, to: number, mostExtents: number, release: Release, journalled = false): LogicalBlock {
    const mostBlocks = journalled ? this.#transactions.mostForgotten : Infinity;
    const stopped = this.#removeRange(inode, from, to, mostExtents, mostBlocks, release);
    this.#tree.locate(inode, logicalBlock(0), this.#path);
    this.#nodes.shrink(inode);
    return stopped;
  }

  #removeRange(inode: Inode, from: LogicalBlock, to: number, mostExtents: number, mostBlocks: number, release: Release): LogicalBlock {
    let at: number = from;
    for (let touched = 0; at < to && touched < mostExtents; touched++) {
      if (touched > 0 && this.#transactions.isCrowded) break;
      this.#tree.locate(inode, logicalBlock(at), this.#path);
      const { leaf } = this.#path;
      let index = leaf.index;
      if (index < 0 || at >= this.#entryEnd(leaf, index)) index++;
      if (index >= leaf.entries) {
        const next = this.#nextLeafStart();
        if (next === undefined || next >= to) return logicalBlock(to);
        at = next;
        continue;
      }
      leaf.index = index;
      const entry = leaf.entryAt(index);
      const start = layout.entryLogical(leaf.view, entry);
      if (start >= to) return logicalBlock(to);
      const first = Math.max(start, at);
      const end = Math.min(this.#entryEnd(leaf, index), to, first + mostBlocks);
      const physical = physicalBlock(layout.extentStart(leaf.view, entry) + first - start);
      this.#cut(inode, first, end);
      release(inode, logicalBlock(first), physical, end - first);
      at = end;
    }
    return logicalBlock(at);
  }

  /** Leads the path to the extent that holds a block. @throws CorruptionError where none does */
  #locateMapped(inode: Inode, at: number): PathNode {
    this.#tree.locate(inode, logicalBlock(at), this.#path);
    const { leaf } = this.#path;
    if (leaf.index < 0 || at >= this.#entryEnd(leaf, leaf.index)) {
      throw new CorruptionError('extent tree', { inode: inode.number }, `logical block ${at} is not mapped`);
    }
    return leaf;
  }

  #entryEnd(leaf: PathNode, index: number): number {
    const entry = leaf.entryAt(index);
    return layout.entryLogical(leaf.view, entry) + layout.extentLength(leaf.view, entry);
  }

  /** Where the leaf after the path's begins. */
  #nextLeafStart(): number | undefined {
    for (let height = 1; height <= this.#path.depth; height++) {
      const node = this.#path.at(height);
      if (node.index + 1 < node.entries) return layout.entryLogical(node.view, node.entryAt(node.index + 1));
    }
    return undefined;
  }

  #joinLeft(inode: Inode, logical: number, length: number, physical: number, unwritten: boolean): boolean {
    const { leaf } = this.#path;
    const { index } = leaf;
    if (index < 0) return false;
    const entry = leaf.entryAt(index);
    const start = layout.entryLogical(leaf.view, entry);
    const known = layout.extentLength(leaf.view, entry);
    const begin = layout.extentStart(leaf.view, entry);
    if (start + known !== logical || begin + known !== physical) return false;
    if (layout.isUnwritten(leaf.view, entry) !== unwritten || known + length > longest(unwritten)) return false;
    this.#nodes.modify(inode, leaf);
    let joined = known + length;
    // With this range in place the extent may reach the next one.
    if (index + 1 < leaf.entries && this.#continues(leaf, index + 1, logical + length, physical + length, unwritten)) {
      const next = layout.extentLength(leaf.view, leaf.entryAt(index + 1));
      if (joined + next <= longest(unwritten)) {
        joined += next;
        leaf.closeGap(index + 1);
      }
    }
    layout.setExtent(leaf.view, entry, start, joined, begin, unwritten);
    return true;
  }

  #joinRight(inode: Inode, logical: number, length: number, physical: number, unwritten: boolean): boolean {
    const { leaf } = this.#path;
    const index = leaf.index + 1;
    if (index >= leaf.entries || !this.#continues(leaf, index, logical + length, physical + length, unwritten)) return false;
    const entry = leaf.entryAt(index);
    const joined = length + layout.extentLength(leaf.view, entry);
    if (joined > longest(unwritten)) return false;
    this.#nodes.modify(inode, leaf);
    layout.setExtent(leaf.view, entry, logical, joined, physical, unwritten);
    leaf.index = index;
    if (index === 0) this.#nodes.updateKeys(inode, logical);
    return true;
  }

  #continues(leaf: PathNode, index: number, logical: number, physical: number, unwritten: boolean): boolean {
    const entry = leaf.entryAt(index);
    return (
      layout.entryLogical(leaf.view, entry) === logical &&
      layout.extentStart(leaf.view, entry) === physical &&
      layout.isUnwritten(leaf.view, entry) === unwritten
    );
  }

  #insertEntry(inode: Inode, logical: number, length: number, physical: number, unwritten: boolean): void {
    this.#nodes.makeRoom(inode, logical);
    const { leaf } = this.#path;
    this.#nodes.modify(inode, leaf);
    leaf.index++;
    leaf.openGap(leaf.index);
    layout.setExtent(leaf.view, leaf.entryAt(leaf.index), logical, length, physical, unwritten);
    if (leaf.index === 0) this.#nodes.updateKeys(inode, logical);
  }

  /** Takes [first, end), which lies inside the leaf entry at the path, out of it. */
  #cut(inode: Inode, first: number, end: number): void {
    const { leaf } = this.#path;
    const entry = leaf.entryAt(leaf.index);
    const start = layout.entryLogical(leaf.view, entry);
    const extentEnd = start + layout.extentLength(leaf.view, entry);
    const physical = layout.extentStart(leaf.view, entry);
    const unwritten = layout.isUnwritten(leaf.view, entry);
    if (first === start && end === extentEnd) {
      this.#nodes.removeEntry(inode);
      return;
    }
    this.#nodes.modify(inode, leaf);
    if (first === start) {
      layout.setExtent(leaf.view, entry, end, extentEnd - end, physical + end - start, unwritten);
      if (leaf.index === 0) this.#nodes.updateKeys(inode, end);
      return;
    }
    layout.setExtent(leaf.view, entry, start, first - start, physical, unwritten);
    if (end < extentEnd) this.#insertEntry(inode, end, extentEnd - end, physical + end - start, unwritten);
  }
}
