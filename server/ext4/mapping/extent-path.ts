import type { CachedBlock } from '../cache/block-cache.js';
import type { Inode } from '../inode.js';
import * as layout from '../layout/extent.js';
import { I_BLOCK } from '../layout/inode.js';

/** One node on the way from an extent tree's root to a leaf. */
export class PathNode {
  /** The node's block; undefined for the root, which lies in the inode. */
  block: CachedBlock | undefined = undefined;
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the node's header begins in the view. */
  node = 0;
  /** The entry taken, or in a leaf the last one at or before the block looked for; -1 before all. */
  index = -1;

  get entries(): number {
    return layout.entryCount(this.view, this.node);
  }

  get isFull(): boolean {
    return this.entries >= layout.maxEntries(this.view, this.node);
  }

  /** Offset of entry `index` in the view. */
  entryAt(index: number): number {
    return layout.entryAt(this.node, index);
  }

  setRoot(inode: Inode): void {
    this.block = undefined;
    this.view = inode.view;
    this.node = inode.offset + I_BLOCK;
  }

  setBlock(block: CachedBlock): void {
    this.block = block;
    this.view = block.view;
    this.node = 0;
  }

  copyFrom(other: PathNode): void {
    this.block = other.block;
    this.view = other.view;
    this.node = other.node;
    this.index = other.index;
  }

  /** Index of the last entry that begins at or before `logical`, -1 if none does. */
  search(logical: number): number {
    let low = 0;
    let high = this.entries;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (layout.entryLogical(this.view, this.entryAt(middle)) <= logical) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Opens a gap for an entry. The node must not be full. */
  openGap(index: number): void {
    const { entries } = this;
    this.#move(index, index + 1, entries - index);
    layout.setEntryCount(this.view, this.node, entries + 1);
  }

  closeGap(index: number): void {
    const { entries } = this;
    this.#move(index + 1, index, entries - index - 1);
    layout.setEntryCount(this.view, this.node, entries - 1);
  }

  /** Moves the entries from `index` on into an empty node. */
  moveTail(index: number, target: PathNode): void {
    this.#copyTail(index, target);
    layout.setEntryCount(this.view, this.node, index);
  }

  /** Puts the same entries into an empty node. */
  copyEntries(target: PathNode): void {
    this.#copyTail(0, target);
  }

  #copyTail(index: number, target: PathNode): void {
    const count = this.entries - index;
    const source = new Uint8Array(this.view.buffer, this.view.byteOffset + this.entryAt(index), count * layout.EXTENT_ENTRY_SIZE);
    new Uint8Array(target.view.buffer, target.view.byteOffset + target.entryAt(0), source.length).set(source);
    layout.setEntryCount(target.view, target.node, count);
  }

  #move(from: number, to: number, count: number): void {
    const all = new Uint8Array(this.view.buffer, this.view.byteOffset, this.view.byteLength);
    const start = this.entryAt(from);
    all.copyWithin(this.entryAt(to), start, start + count * layout.EXTENT_ENTRY_SIZE);
  }
}

/**
 * The nodes from leaf to root, by height: `nodes[0]` is the leaf, `nodes[depth]` the root. By height,
 * because a tree grows at its root.
 */
export class ExtentPath {
  readonly nodes: readonly PathNode[] = Array.from({ length: layout.MAX_DEPTH + 2 }, () => new PathNode());
  depth = 0;

  at(height: number): PathNode {
    return this.nodes[height] as PathNode;
  }

  get leaf(): PathNode {
    return this.at(0);
  }
}
