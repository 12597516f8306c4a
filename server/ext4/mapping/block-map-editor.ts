import { AllocatedRun, type AllocationRequest, type BlockSpace } from '../allocation/block-space.js';
import { Verified, type BlockCache, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError, errno, OperationError } from '../errors.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import { I_BLOCK } from '../layout/inode.js';
import { logicalBlock, physicalBlock, type LogicalBlock, type PhysicalBlock } from '../units.js';
import type { Release } from './extent-editor.js';

const DIRECT_POINTERS = 12;
const LEVELS = 3;
const POINTER_SIZE = 4;
const POINTER_LIMIT = 0x100000000;

/** Where a pointer is: in i_block or in a block of pointers. */
interface Slot {
  /** Undefined for i_block. */
  block: CachedBlock | undefined;
  view: DataView;
  offset: number;
}

/** Changes the block maps of ext2 and ext3, inside a handle. Such maps know neither unwritten blocks nor clusters. */
export class BlockMapEditor {
  readonly #cache: BlockCache;
  readonly #transactions: Transactions;
  readonly #inodes: InodeEditor;
  readonly #space: BlockSpace;
  readonly #pointers: number;
  readonly #run = new AllocatedRun();

  constructor(cache: BlockCache, transactions: Transactions, inodes: InodeEditor, space: BlockSpace) {
    this.#cache = cache;
    this.#transactions = transactions;
    this.#inodes = inodes;
    this.#space = space;
    this.#pointers = cache.blockSize / POINTER_SIZE;
  }

  /** @throws OperationError EFBIG beyond the triple indirect block, or for a block that 32 bits cannot name */
  insert(inode: Inode, logical: LogicalBlock, length: number, physical: PhysicalBlock): void {
    if (physical + length > POINTER_LIMIT) throw new OperationError(errno.EFBIG, `inode ${inode.number}: a block map cannot point to block ${physical}`);
    for (let done = 0; done < length; done++) {
      const slot = this.#slot(inode, logical + done, physical);
      this.#modify(inode, slot);
      slot.view.setUint32(slot.offset, physical + done, true);
    }
  }

  /** Takes mappings within [from, to) out, until all are gone, `most` blocks were freed, or the handle is crowded. @returns where it stopped */
  remove(inode: Inode, from: LogicalBlock, to: number, most: number, release: Release): LogicalBlock {
    let at: number = from;
    let freed = 0;
    const root: Slot = { block: undefined, view: inode.view, offset: inode.offset + I_BLOCK };
    while (at < to && !this.#isEnough(freed, most)) {
      if (at < DIRECT_POINTERS) {
        freed += this.#clear(inode, { ...root, offset: root.offset + at * POINTER_SIZE }, at, release);
        at++;
        continue;
      }
      let first = DIRECT_POINTERS;
      let span = this.#pointers;
      let level = 1;
      while (level <= LEVELS && at >= first + span) {
        first += span;
        span *= this.#pointers;
        level++;
      }
      if (level > LEVELS) return logicalBlock(to);
      const slot = { ...root, offset: root.offset + (DIRECT_POINTERS + level - 1) * POINTER_SIZE };
      const result = this.#removeBelow(inode, slot, first, span, at, to, most - freed, release);
      at = result.at;
      freed += result.freed;
    }
    return logicalBlock(Math.min(at, to));
  }

  /** @param first,span the logical blocks below the pointer at `slot` */
  #removeBelow(inode: Inode, slot: Slot, first: number, span: number, from: number, to: number, most: number, release: Release): { at: number; freed: number } {
    const pointer = slot.view.getUint32(slot.offset, true);
    if (pointer === 0) return { at: first + span, freed: 0 };
    const block = this.#pointerBlock(inode, pointer);
    const below = span / this.#pointers;
    let at = from;
    let freed = 0;
    while (at < Math.min(to, first + span) && !this.#isEnough(freed, most)) {
      const index = Math.floor((at - first) / below);
      const child = { block, view: block.view, offset: index * POINTER_SIZE };
      if (below === 1) {
        freed += this.#clear(inode, child, at, release);
        at++;
      } else {
        const result = this.#removeBelow(inode, child, first + index * below, below, at, to, most - freed, release);
        at = result.at;
        freed += result.freed;
      }
    }
    if (this.#isEmpty(block)) {
      this.#modify(inode, slot);
      slot.view.setUint32(slot.offset, 0, true);
      this.#space.free(block.number, 1, true);
      this.#inodes.addBlocks(inode, -1);
    }
    return { at, freed };
  }

  #isEnough(freed: number, most: number): boolean {
    return freed >= most || (freed > 0 && this.#transactions.isCrowded);
  }

  #clear(inode: Inode, slot: Slot, logical: number, release: Release): number {
    const pointer = slot.view.getUint32(slot.offset, true);
    if (pointer === 0) return 0;
    this.#modify(inode, slot);
    slot.view.setUint32(slot.offset, 0, true);
    release(inode, logicalBlock(logical), physicalBlock(pointer), 1);
    return 1;
  }

  /** The slot for a logical block; blocks of pointers on the way are made. */
  #slot(inode: Inode, logical: number, goal: PhysicalBlock): Slot {
    const slot: Slot = { block: undefined, view: inode.view, offset: inode.offset + I_BLOCK + logical * POINTER_SIZE };
    if (logical < DIRECT_POINTERS) return slot;
    let index = logical - DIRECT_POINTERS;
    let span = this.#pointers;
    let level = 1;
    while (level <= LEVELS && index >= span) {
      index -= span;
      span *= this.#pointers;
      level++;
    }
    if (level > LEVELS) throw new OperationError(errno.EFBIG, `inode ${inode.number}: a block map ends before block ${logical}`);
    slot.offset = inode.offset + I_BLOCK + (DIRECT_POINTERS + level - 1) * POINTER_SIZE;
    while (span > 1) {
      const block = this.#child(inode, slot, goal);
      span /= this.#pointers;
      slot.block = block;
      slot.view = block.view;
      slot.offset = Math.floor(index / span) * POINTER_SIZE;
      index %= span;
    }
    return slot;
  }

  #child(inode: Inode, slot: Slot, goal: PhysicalBlock): CachedBlock {
    const pointer = slot.view.getUint32(slot.offset, true);
    if (pointer !== 0) return this.#pointerBlock(inode, pointer);
    const request: AllocationRequest = { inode: inode.number, goal, length: 1, privileged: true, streaming: false };
    this.#space.allocate(request, this.#run);
    this.#inodes.addBlocks(inode, 1, true);
    this.#modify(inode, slot);
    slot.view.setUint32(slot.offset, this.#run.start, true);
    return this.#transactions.create(this.#run.start, Verified.IndirectBlock, 0, inode.number);
  }

  #pointerBlock(inode: Inode, pointer: number): CachedBlock {
    if (!this.#space.isFileSpace(physicalBlock(pointer), 1)) {
      throw new CorruptionError('block map', { inode: inode.number, block: pointer }, 'a block of pointers lies outside the space of files');
    }
    return this.#cache.get(physicalBlock(pointer));
  }

  #isEmpty(block: CachedBlock): boolean {
    for (let offset = 0; offset < block.bytes.length; offset += POINTER_SIZE) {
      if (block.view.getUint32(offset, true) !== 0) return false;
    }
    return true;
  }

  #modify(inode: Inode, slot: Slot): void {
    if (slot.block === undefined) this.#inodes.modify(inode);
    else this.#transactions.modify(slot.block, Verified.IndirectBlock, 0);
  }
}
