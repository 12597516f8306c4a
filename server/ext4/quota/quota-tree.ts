import { CorruptionError } from '../errors.js';
import type { CachedBlock } from '../cache/block-cache.js';
import * as layout from '../layout/quota.js';
import type { QuotaFile } from './quota-file.js';

/** Who a quota file keeps account of. */
export type QuotaKind = 'user' | 'group' | 'project';

/**
 * Where the entries of a quota file are: a radix tree over ids, and two lists of blocks with room.
 * An entry's position is a byte offset in the file. Changes are made inside a handle.
 */
export class QuotaTree {
  readonly #file: QuotaFile;

  /** @throws CorruptionError where the file is not one of this kind, in the only format there is for hidden files */
  constructor(file: QuotaFile, kind: QuotaKind) {
    this.#file = file;
    if (file.length <= layout.TREE_ROOT) this.#damaged(0, 'the file has no tree');
    const { view } = file.read(0);
    if (layout.headerMagic(view, 0) !== layout.QuotaMagic[kind]) this.#damaged(0, `the file is not one for ${kind} quotas`);
    if (layout.headerVersion(view, 0) !== layout.QUOTA_VERSION) this.#damaged(0, `its version is ${layout.headerVersion(view, 0)}`);
    const blocks = layout.blockCount(view, 0);
    if (blocks <= layout.TREE_ROOT || blocks > file.length) this.#damaged(0, `it says ${blocks} blocks, and has ${file.length}`);
  }

  /** Block 0, with the grace times. */
  get info(): CachedBlock {
    return this.#file.read(0);
  }

  /** @returns the position of the entry, 0 where there is none */
  find(id: number): number {
    let block = layout.TREE_ROOT;
    for (let depth = 0; depth < layout.TREE_DEPTH; depth++) {
      block = this.#reference(block, layout.referenceIndex(id, depth));
      if (block === 0) return 0;
    }
    const { view } = this.#file.read(block);
    const at = this.#file.offset(block);
    for (let slot = 0; slot < layout.ENTRIES_PER_BLOCK; slot++) {
      const entry = layout.ENTRIES_START + slot * layout.ENTRY_SIZE;
      if (layout.entryId(view, at + entry) === id && !layout.isFreeEntry(view, at + entry)) return block * layout.QUOTA_BLOCK_SIZE + entry;
    }
    return this.#damaged(block, `the tree says that id ${id} is here`);
  }

  /** Makes an entry for an id that has none. @returns its position */
  insert(id: number): number {
    let block = layout.TREE_ROOT;
    for (let depth = 0; depth < layout.TREE_DEPTH - 1; depth++) {
      const index = layout.referenceIndex(id, depth);
      const next = this.#reference(block, index);
      block = next === 0 ? this.#setReference(block, index, this.#takeBlock()) : next;
    }
    const position = this.#takeEntry(id);
    this.#setReference(block, layout.referenceIndex(id, layout.TREE_DEPTH - 1), Math.floor(position / layout.QUOTA_BLOCK_SIZE));
    return position;
  }

  /** Takes the entry of an id out, and every block that is empty then. */
  remove(id: number, position: number): void {
    const path: number[] = [layout.TREE_ROOT];
    for (let depth = 0; depth < layout.TREE_DEPTH; depth++) {
      path.push(this.#reference(path[depth] as number, layout.referenceIndex(id, depth)));
    }
    const leaf = path.pop() as number;
    if (leaf === 0 || leaf !== Math.floor(position / layout.QUOTA_BLOCK_SIZE)) this.#damaged(leaf, `the tree does not lead to the entry of id ${id}`);
    this.#releaseEntry(leaf, position % layout.QUOTA_BLOCK_SIZE);
    for (let depth = layout.TREE_DEPTH - 1; depth >= 0; depth--) {
      const block = path[depth] as number;
      this.#setReference(block, layout.referenceIndex(id, depth), 0);
      if (block === layout.TREE_ROOT || !this.#hasNoReference(block)) return;
      this.#releaseBlock(block);
    }
  }

  /** Positions of all entries, in the order of their ids. */
  *positions(): Generator<number> {
    yield* this.#below(layout.TREE_ROOT, 0, 0, { left: layout.blockCount(this.info.view, 0) });
  }

  /** @param nodes how many more there can be: a tree that leads in circles has an end, too */
  *#below(block: number, depth: number, prefix: number, nodes: { left: number }): Generator<number> {
    if (nodes.left-- === 0) this.#damaged(block, 'the tree has more nodes than the file has blocks');
    for (let index = 0; index < layout.REFERENCES; index++) {
      const next = this.#reference(block, index);
      if (next === 0) continue;
      const id = (prefix * layout.REFERENCES + index) >>> 0;
      if (depth < layout.TREE_DEPTH - 1) yield* this.#below(next, depth + 1, id, nodes);
      else yield this.find(id);
    }
  }

  #takeEntry(id: number): number {
    let block = layout.firstWithRoom(this.info.view, 0);
    if (block === 0) {
      block = this.#takeBlock();
      layout.setFirstWithRoom(this.#file.modify(0).view, 0, block);
    }
    this.#check(block, block);
    const { view } = this.#file.modify(block);
    const at = this.#file.offset(block);
    const inUse = layout.entriesInUse(view, at);
    if (inUse >= layout.ENTRIES_PER_BLOCK) this.#damaged(block, `a block with room says that it has ${inUse} entries`);
    if (inUse + 1 === layout.ENTRIES_PER_BLOCK) this.#leaveList(block);
    layout.setEntriesInUse(view, at, inUse + 1);
    for (let slot = 0; slot < layout.ENTRIES_PER_BLOCK; slot++) {
      const entry = layout.ENTRIES_START + slot * layout.ENTRY_SIZE;
      if (!layout.isFreeEntry(view, at + entry)) continue;
      layout.initialiseEntry(view, at + entry, id);
      return block * layout.QUOTA_BLOCK_SIZE + entry;
    }
    return this.#damaged(block, 'a block with room has none');
  }

  #releaseEntry(block: number, entry: number): void {
    const { view } = this.#file.modify(block);
    const at = this.#file.offset(block);
    const inUse = layout.entriesInUse(view, at);
    if (inUse === 0 || inUse > layout.ENTRIES_PER_BLOCK) this.#damaged(block, `it says ${inUse} entries, and one of them is in use`);
    layout.clearEntry(view, at + entry);
    layout.setEntriesInUse(view, at, inUse - 1);
    if (inUse === 1) {
      this.#leaveList(block);
      this.#releaseBlock(block);
    } else if (inUse === layout.ENTRIES_PER_BLOCK) {
      this.#joinList(block);
    }
  }

  /** A block of zeros that nothing refers to. */
  #takeBlock(): number {
    const { view: info } = this.#file.modify(0);
    let block = layout.firstFreeBlock(info, 0);
    if (block === 0) {
      block = layout.blockCount(info, 0);
      this.#file.extendTo(block);
      layout.setBlockCount(info, 0, block + 1);
    } else {
      this.#check(block, 0);
      const { view } = this.#file.read(block);
      const at = this.#file.offset(block);
      if (layout.entriesInUse(view, at) !== 0) this.#damaged(block, 'a free block has entries');
      layout.setFirstFreeBlock(info, 0, layout.nextInList(view, at));
    }
    const at = this.#file.offset(block);
    this.#file.modify(block).bytes.fill(0, at, at + layout.QUOTA_BLOCK_SIZE);
    return block;
  }

  #releaseBlock(block: number): void {
    const { view: info } = this.#file.modify(0);
    const { view, bytes } = this.#file.modify(block);
    const at = this.#file.offset(block);
    bytes.fill(0, at, at + layout.QUOTA_BLOCK_SIZE);
    layout.setNextInList(view, at, layout.firstFreeBlock(info, 0));
    layout.setFirstFreeBlock(info, 0, block);
  }

  /** Puts a block at the head of the list of those with room. */
  #joinList(block: number): void {
    const { view: info } = this.#file.modify(0);
    const { view } = this.#file.modify(block);
    const at = this.#file.offset(block);
    const next = layout.firstWithRoom(info, 0);
    layout.setNextInList(view, at, next);
    layout.setPreviousInList(view, at, 0);
    if (next !== 0) layout.setPreviousInList(this.#neighbour(next, block).view, this.#file.offset(next), block);
    layout.setFirstWithRoom(info, 0, block);
  }

  #leaveList(block: number): void {
    const { view } = this.#file.modify(block);
    const at = this.#file.offset(block);
    const next = layout.nextInList(view, at);
    const previous = layout.previousInList(view, at);
    if (next !== 0) layout.setPreviousInList(this.#neighbour(next, block).view, this.#file.offset(next), previous);
    if (previous !== 0) layout.setNextInList(this.#neighbour(previous, block).view, this.#file.offset(previous), next);
    else layout.setFirstWithRoom(this.#file.modify(0).view, 0, next);
    layout.setNextInList(view, at, 0);
    layout.setPreviousInList(view, at, 0);
  }

  #neighbour(block: number, of: number): CachedBlock {
    this.#check(block, of);
    return this.#file.modify(block);
  }

  #reference(block: number, index: number): number {
    const next = layout.reference(this.#file.read(block).view, this.#file.offset(block), index);
    if (next !== 0) this.#check(next, block);
    return next;
  }

  #setReference(block: number, index: number, value: number): number {
    layout.setReference(this.#file.modify(block).view, this.#file.offset(block), index, value);
    return value;
  }

  #hasNoReference(block: number): boolean {
    const { view } = this.#file.read(block);
    const at = this.#file.offset(block);
    for (let index = 0; index < layout.REFERENCES; index++) if (layout.reference(view, at, index) !== 0) return false;
    return true;
  }

  /** Every block but the first two may be anything. */
  #check(block: number, from: number): void {
    if (block <= layout.TREE_ROOT || block >= layout.blockCount(this.info.view, 0)) this.#damaged(from, `it refers to block ${block}`);
  }

  #damaged(block: number, detail: string): never {
    throw new CorruptionError('quota file', { inode: this.#file.number, offset: block * layout.QUOTA_BLOCK_SIZE }, detail);
  }
}
