import { Verified, type BlockCache } from '../cache/block-cache.js';
import { AllocatedRun, type AllocationRequest, type BlockSpace } from '../allocation/block-space.js';
import { CorruptionError, errno, OperationError } from '../errors.js';
import type { Inode } from '../inode.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Transactions } from '../journal/transactions.js';
import * as layout from '../layout/extent.js';
import { logicalBlock, physicalBlock, type LogicalBlock, type PhysicalBlock } from '../units.js';
import { ExtentPath, type PathNode } from './extent-path.js';
import type { ExtentTree } from './extents.js';

/** Longest extent of each state. */
const longest = (unwritten: boolean): number => (unwritten ? layout.MAX_WRITTEN_LENGTH - 1 : layout.MAX_WRITTEN_LENGTH);

/** Told of each run of blocks that a removal took out of the tree. */
export type Release = (inode: Inode, logical: LogicalBlock, physical: PhysicalBlock, length: number) => void;

/**
 * Changes extent trees, inside a handle. Nodes are split when full and freed when empty; the tree
 * grows at its root and falls back to the inode when nothing is left. An error half-way (ENOSPC for
 * a node, damage met on the way) leaves undoing to the handle.
 */
export class ExtentEditor {
  readonly #tree: ExtentTree;
  readonly #cache: BlockCache;
  readonly #transactions: Transactions;
  readonly #inodes: InodeEditor;
  readonly #space: BlockSpace;
  /** A node takes a whole cluster with bigalloc. */
  readonly #clusterRatio: number;
  readonly #path = new ExtentPath();
  /** A node that is being added; the path has one more than the deepest tree needs. */
  readonly #added = this.#path.at(layout.MAX_DEPTH + 1);
  readonly #run = new AllocatedRun();

  constructor(tree: ExtentTree, cache: BlockCache, transactions: Transactions, inodes: InodeEditor, space: BlockSpace, clusterRatio: number) {
    this.#tree = tree;
    this.#cache = cache;
    this.#transactions = transactions;
    this.#inodes = inodes;
    this.#space = space;
    this.#clusterRatio = clusterRatio;
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
        this.#modify(inode, leaf);
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
          this.#modify(inode, leaf);
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
    this.#shrink(inode);
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
    this.#modify(inode, leaf);
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
    this.#modify(inode, leaf);
    layout.setExtent(leaf.view, entry, logical, joined, physical, unwritten);
    leaf.index = index;
    if (index === 0) this.#updateKeys(inode, logical);
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
    this.#makeRoom(inode, 0, logical);
    const { leaf } = this.#path;
    this.#modify(inode, leaf);
    leaf.index++;
    leaf.openGap(leaf.index);
    layout.setExtent(leaf.view, leaf.entryAt(leaf.index), logical, length, physical, unwritten);
    if (leaf.index === 0) this.#updateKeys(inode, logical);
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
      this.#removeEntry(inode, 0);
      return;
    }
    this.#modify(inode, leaf);
    if (first === start) {
      layout.setExtent(leaf.view, entry, end, extentEnd - end, physical + end - start, unwritten);
      if (leaf.index === 0) this.#updateKeys(inode, end);
      return;
    }
    layout.setExtent(leaf.view, entry, start, first - start, physical, unwritten);
    if (end < extentEnd) this.#insertEntry(inode, end, extentEnd - end, physical + end - start, unwritten);
  }

  #removeEntry(inode: Inode, height: number): void {
    const node = this.#path.at(height);
    if (height < this.#path.depth && node.entries === 1) {
      this.#freeNode(inode, node);
      this.#removeEntry(inode, height + 1);
      return;
    }
    this.#modify(inode, node);
    node.closeGap(node.index);
    if (node.entries === 0) {
      layout.initialiseNode(node.view, node.node, layout.ROOT_ENTRIES, 0);
      return;
    }
    if (node.index === 0) this.#updateKeys(inode, layout.entryLogical(node.view, node.entryAt(0)), height);
  }

  /** The first key of the node at `height` changed: its ancestors repeat it as far as it is their first too. */
  #updateKeys(inode: Inode, key: number, height = 0): void {
    for (let above = height + 1; above <= this.#path.depth; above++) {
      const node = this.#path.at(above);
      this.#modify(inode, node);
      layout.setEntryLogical(node.view, node.entryAt(node.index), key);
      if (node.index > 0) return;
    }
  }

  /** Sees to it that the node at `height` can take one more entry after its index. @param key the entry's logical block */
  #makeRoom(inode: Inode, height: number, key: number): void {
    const node = this.#path.at(height);
    if (!node.isFull) return;
    if (height === this.#path.depth) {
      this.#grow(inode);
      return;
    }
    this.#makeRoom(inode, height + 1, key);
    this.#split(inode, height, key);
  }

  /**
   * Moves the upper half of a full node into a new one. An entry at the very end gets a node of its
   * own instead, so that a file written in order leaves full nodes behind.
   */
  #split(inode: Inode, height: number, key: number): void {
    const node = this.#path.at(height);
    const parent = this.#path.at(height + 1);
    const { entries } = node;
    const position = node.index + 1;
    // An index node keeps the path's own child beside the one to come.
    const atEnd = height === 0 ? entries : entries - 1;
    const at = position === entries ? atEnd : entries >>> 1;
    const added = this.#newNode(inode, height);
    this.#modify(inode, node);
    node.moveTail(at, added);
    const addedKey = at === entries ? key : layout.entryLogical(added.view, added.entryAt(0));
    this.#modify(inode, parent);
    parent.openGap(parent.index + 1);
    layout.setIndex(parent.view, parent.entryAt(parent.index + 1), addedKey, added.block?.number ?? 0);
    if (position > at || at === entries) {
      added.index = node.index - at;
      node.copyFrom(added);
      parent.index++;
    }
  }

  /** Puts a level between the root and what was in it. */
  #grow(inode: Inode): void {
    const path = this.#path;
    const oldRoot = path.at(path.depth);
    if (path.depth === layout.MAX_DEPTH) throw new OperationError(errno.EFBIG, `inode ${inode.number}: the extent tree cannot grow deeper`);
    const child = this.#newNode(inode, path.depth);
    this.#inodes.modify(inode);
    oldRoot.moveTail(0, child);
    child.index = oldRoot.index;
    path.depth++;
    const root = path.at(path.depth);
    root.setRoot(inode);
    root.index = 0;
    layout.initialiseNode(root.view, root.node, layout.ROOT_ENTRIES, path.depth);
    layout.setEntryCount(root.view, root.node, 1);
    const first = child.entries > 0 ? layout.entryLogical(child.view, child.entryAt(0)) : 0;
    layout.setIndex(root.view, root.entryAt(0), first, child.block?.number ?? 0);
    path.at(path.depth - 1).copyFrom(child);
  }

  /** Takes levels out whose only node would fit into the inode. */
  #shrink(inode: Inode): void {
    this.#tree.locate(inode, logicalBlock(0), this.#path);
    for (let { depth } = this.#path; depth > 0; depth--) {
      const root = this.#path.at(depth);
      const child = this.#path.at(depth - 1);
      if (root.entries > 1 || child.entries > layout.ROOT_ENTRIES) return;
      this.#inodes.modify(inode);
      layout.initialiseNode(root.view, root.node, layout.ROOT_ENTRIES, depth - 1);
      child.copyEntries(root);
      this.#freeNode(inode, child);
      child.copyFrom(root);
    }
  }

  #newNode(inode: Inode, height: number): PathNode {
    const leafBlock = this.#path.leaf.block;
    const request: AllocationRequest = {
      inode: inode.number,
      goal: leafBlock?.number ?? physicalBlock(0),
      length: 1,
      privileged: true,
      streaming: false,
    };
    this.#space.allocate(request, this.#run);
    this.#inodes.addBlocks(inode, this.#run.length, true);
    const block = this.#transactions.create(this.#run.start, Verified.ExtentNode, inode.checksumSeed, inode.number);
    layout.initialiseNode(block.view, 0, layout.maxEntriesInBlock(this.#cache.blockSize), height);
    const added = this.#added;
    added.setBlock(block);
    added.index = -1;
    return added;
  }

  #freeNode(inode: Inode, node: PathNode): void {
    if (node.block === undefined) return;
    this.#space.free(node.block.number, this.#clusterRatio, true);
    this.#inodes.addBlocks(inode, -this.#clusterRatio);
  }

  #modify(inode: Inode, node: PathNode): void {
    if (node.block === undefined) this.#inodes.modify(inode);
    else this.#transactions.modify(node.block, Verified.ExtentNode, inode.checksumSeed);
  }
}
