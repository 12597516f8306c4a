import { Verified, type BlockCache } from '../cache/block-cache.js';
import { AllocatedRun, type AllocationRequest, type BlockSpace } from '../allocation/block-space.js';
import { errno, OperationError } from '../errors.js';
import type { Inode } from '../inode.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Transactions } from '../journal/transactions.js';
import * as layout from '../layout/extent.js';
import { physicalBlock } from '../units.js';
import type { ExtentPath, PathNode } from './extent-path.js';

/**
 * Keeps the nodes of an extent tree, along the path that its editor last took: they are split when full
 * and freed when empty, the tree grows at its root, and keys follow the entries below them.
 */
export class ExtentNodes {
  readonly #path: ExtentPath;
  readonly #cache: BlockCache;
  readonly #transactions: Transactions;
  readonly #inodes: InodeEditor;
  readonly #space: BlockSpace;
  /** A node takes a whole cluster with bigalloc. */
  readonly #clusterRatio: number;
  /** A node that is being added; the path has one more than the deepest tree needs. */
  readonly #added: PathNode;
  readonly #run = new AllocatedRun();

  constructor(path: ExtentPath, cache: BlockCache, transactions: Transactions, inodes: InodeEditor, space: BlockSpace, clusterRatio: number) {
    this.#path = path;
    this.#cache = cache;
    this.#transactions = transactions;
    this.#inodes = inodes;
    this.#space = space;
    this.#clusterRatio = clusterRatio;
    this.#added = path.at(layout.MAX_DEPTH + 1);
  }

  modify(inode: Inode, node: PathNode): void {
    if (node.block === undefined) this.#inodes.modify(inode);
    else this.#transactions.modify(node.block, Verified.ExtentNode, inode.checksumSeed);
  }

  /** Takes the entry out that the path takes at `height`. */
  removeEntry(inode: Inode, height = 0): void {
    const node = this.#path.at(height);
    if (height < this.#path.depth && node.entries === 1) {
      this.#freeNode(inode, node);
      this.removeEntry(inode, height + 1);
      return;
    }
    this.modify(inode, node);
    node.closeGap(node.index);
    if (node.entries === 0) {
      layout.initialiseNode(node.view, node.node, layout.ROOT_ENTRIES, 0);
      return;
    }
    if (node.index === 0) this.updateKeys(inode, layout.entryLogical(node.view, node.entryAt(0)), height);
  }

  /** The first key of the node at `height` changed: its ancestors repeat it as far as it is their first too. */
  updateKeys(inode: Inode, key: number, height = 0): void {
    for (let above = height + 1; above <= this.#path.depth; above++) {
      const node = this.#path.at(above);
      this.modify(inode, node);
      layout.setEntryLogical(node.view, node.entryAt(node.index), key);
      if (node.index > 0) return;
    }
  }

  /** Sees to it that the node at `height` can take one more entry after its index. @param key the entry's logical block */
  makeRoom(inode: Inode, key: number, height = 0): void {
    const node = this.#path.at(height);
    if (!node.isFull) return;
    if (height === this.#path.depth) {
      this.#grow(inode);
      return;
    }
    this.makeRoom(inode, key, height + 1);
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
    this.modify(inode, node);
    node.moveTail(at, added);
    const addedKey = at === entries ? key : layout.entryLogical(added.view, added.entryAt(0));
    this.modify(inode, parent);
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

  /** Takes levels out whose only node would fit into the inode. The path leads to the first leaf. */
  shrink(inode: Inode): void {
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
      isNode: true,
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
}
