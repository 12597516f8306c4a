import { AllocatedRun, type AllocationRequest, type BlockSpace } from '../allocation/block-space.js';
import type { Geometry } from '../geometry.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import { MAX_DEPTH, MAX_WRITTEN_LENGTH } from '../layout/extent.js';
import { logicalBlock, physicalBlock, type LogicalBlock, type PhysicalBlock } from '../units.js';
import type { BlockMapEditor } from './block-map-editor.js';
import type { ExtentEditor } from './extent-editor.js';
import type { FileMapping } from './file-mapping.js';
import { MappedRange, RangeState } from './mapping.js';

/** How blocks are wanted for a file. */
export interface SpaceWish {
  /** Reserve without contents: reads as zeros. Only for files with extents. */
  readonly unwritten: boolean;
  /** May use the reserved blocks; as the caller may, if it is not said. */
  readonly privileged?: boolean;
  /** Data that is being written in order. */
  readonly streaming: boolean;
}

/** Told of each run that was newly mapped. */
type Allocated = (logical: LogicalBlock, length: number, physical: PhysicalBlock) => void;

/** One more entry may split every node on its path, and add a level. */
const MOST_NODES_OF_AN_ENTRY = MAX_DEPTH + 1;
/** An extent falls into three. */
const MOST_NODES_OF_A_CONVERSION = 2 * MOST_NODES_OF_AN_ENTRY;

const LONGEST_UNWRITTEN = MAX_WRITTEN_LENGTH - 1;

/** Gives blocks to files and takes them away, whichever way the inode maps them. Inside a handle. */
export class FileSpace {
  readonly #geometry: Geometry;
  readonly #mapping: FileMapping;
  readonly #extents: ExtentEditor;
  readonly #blockMap: BlockMapEditor;
  readonly #inodes: InodeEditor;
  readonly #space: BlockSpace;
  readonly #transactions: Transactions;
  readonly #range = new MappedRange();
  readonly #around = new MappedRange();
  readonly #run = new AllocatedRun();

  constructor(geometry: Geometry, mapping: FileMapping, extents: ExtentEditor, blockMap: BlockMapEditor, inodes: InodeEditor, space: BlockSpace, transactions: Transactions) {
    this.#transactions = transactions;
    this.#geometry = geometry;
    this.#mapping = mapping;
    this.#extents = extents;
    this.#blockMap = blockMap;
    this.#inodes = inodes;
    this.#space = space;
  }

  /**
   * Maps every hole in [first, end).
   * @throws OperationError ENOSPC, EDQUOT, EFBIG
   */
  fill(inode: Inode, first: LogicalBlock, end: number, wish: SpaceWish, allocated?: Allocated): void {
    this.#fill(inode, first, end, wish, () => true, allocated);
  }

  /**
   * Maps holes in [first, end) from the first one on, until none is left or the handle is crowded.
   * @returns where it stopped: `end` when everything is mapped
   */
  fillSome(inode: Inode, first: LogicalBlock, end: number, wish: SpaceWish, allocated?: Allocated): number {
    return this.#fill(inode, first, end, wish, () => !this.#transactions.isCrowded, allocated);
  }

  #fill(inode: Inode, first: LogicalBlock, end: number, wish: SpaceWish, goesOn: () => boolean, allocated: Allocated | undefined): number {
    const range = this.#range;
    let at: number = first;
    while (at < end) {
      this.#mapping.map(inode, logicalBlock(at), range);
      const length = Math.min(range.length, end - at);
      if (range.state !== RangeState.Hole) {
        at += length;
        continue;
      }
      const count = this.#fillHole(inode, logicalBlock(at), length, wish);
      allocated?.(logicalBlock(at), count, this.#run.start);
      at += count;
      if (!goesOn()) break;
    }
    return Math.min(at, end);
  }

  /**
   * Makes a range that one mapping holds a written one. Space that was reserved can be written on a full
   * filesystem, too: without room for nodes the whole of each extent is converted, and what it reserves
   * past the end of the file is given back, since no written extent may lie there.
   * @param fileEnd first block past the file's contents, this write included
   * @param zero told of what becomes readable outside the range
   */
  convertToWritten(inode: Inode, first: LogicalBlock, length: number, fileEnd: number, zero: (start: PhysicalBlock, length: number) => void): void {
    if (this.#space.hasRoom(MOST_NODES_OF_A_CONVERSION)) {
      this.#extents.convert(inode, first, length, false);
      return;
    }
    const range = this.#range;
    this.#mapping.map(inode, first, range);
    const extentEnd = range.logical + range.length;
    if (extentEnd > fileEnd) this.release(inode, logicalBlock(fileEnd), extentEnd, 1, false);
    this.#extents.convertExtents(inode, first, length, zero);
  }

  /**
   * Makes a range that one reservation holds a written one, whatever becomes of its neighbours, until the
   * handle is crowded. @returns where it stopped
   */
  convertReserved(inode: Inode, first: LogicalBlock, length: number): LogicalBlock {
    return this.#extents.convert(inode, first, length, false);
  }

  /**
   * Makes a range that is mapped throughout read as zeros, keeping its blocks, until the handle is
   * crowded.
   * @param zero told of what stays written, since there is no room to split an extent
   * @returns where it stopped
   */
  convertToUnwritten(inode: Inode, first: LogicalBlock, length: number, zero: (logical: LogicalBlock, length: number) => void): LogicalBlock {
    return this.#space.hasRoom(MOST_NODES_OF_A_CONVERSION) ? this.#extents.convert(inode, first, length, true) : this.#extents.emptyExtents(inode, first, length, zero);
  }

  /** Whether `release` may find no room for taking the range out of the middle of an extent. */
  cannotRelease(inode: Inode, from: LogicalBlock, to: number): boolean {
    if (!inode.hasFlag('EXTENTS') || this.#space.hasRoom(MOST_NODES_OF_AN_ENTRY)) return false;
    return this.#extents.needsNodeToRemove(inode, from, to);
  }

  /**
   * Frees what is mapped in [from, to), until all is gone, `most` pieces were freed, or the handle is
   * crowded.
   * @param journalled the blocks went through the journal (directories, symbolic links)
   * @returns where it stopped: `to` when nothing is left
   */
  release(inode: Inode, from: LogicalBlock, to: number, most: number, journalled: boolean): LogicalBlock {
    const free = (owner: Inode, logical: LogicalBlock, physical: PhysicalBlock, length: number): void => {
      this.#free(owner, logical, physical, length, journalled);
    };
    return inode.hasFlag('EXTENTS')
      ? this.#extents.remove(inode, from, to, most, free, journalled)
      : this.#blockMap.remove(inode, from, to, most, free);
  }

  #fillHole(inode: Inode, logical: LogicalBlock, hole: number, wish: SpaceWish): number {
    const ratio = this.#geometry.clusterRatio;
    const into = logical % ratio;
    const shared = ratio > 1 ? this.#sharedCluster(inode, logical) : undefined;
    if (shared !== undefined) {
      const count = Math.min(hole, ratio - into);
      this.#run.start = physicalBlock(shared + into);
      this.#insert(inode, logical, count, this.#run.start, wish.unwritten);
      return count;
    }
    let length = Math.min(hole, wish.unwritten ? LONGEST_UNWRITTEN : MAX_WRITTEN_LENGTH);
    if (ratio > 1) length = this.#withoutSharedEnd(inode, logical, length);
    const request: AllocationRequest = {
      inode: inode.number,
      goal: this.#goal(inode, logical),
      length: into + length,
      privileged: wish.privileged ?? this.#space.callerIsPrivileged,
      streaming: wish.streaming,
    };
    this.#space.allocate(request, this.#run);
    this.#inodes.addBlocks(inode, this.#run.length);
    const count = Math.min(length, this.#run.length - into);
    this.#run.start = physicalBlock(this.#run.start + into);
    this.#insert(inode, logical, count, this.#run.start, wish.unwritten);
    return count;
  }

  #insert(inode: Inode, logical: LogicalBlock, length: number, physical: PhysicalBlock, unwritten: boolean): void {
    if (inode.hasFlag('EXTENTS')) this.#extents.insert(inode, logical, length, physical, unwritten);
    else this.#blockMap.insert(inode, logical, length, physical);
  }

  /** Behind the block before, else in the inode's own group. */
  #goal(inode: Inode, logical: LogicalBlock): PhysicalBlock {
    if (logical > 0) {
      this.#mapping.map(inode, logicalBlock(logical - 1), this.#around);
      if (this.#around.state !== RangeState.Hole) return physicalBlock(this.#around.physical + 1);
    }
    return this.#geometry.groupFirstBlock(this.#geometry.groupOfInode(inode.number));
  }

  /** With bigalloc: where the cluster of `logical` is, if another of its blocks is mapped already. */
  #sharedCluster(inode: Inode, logical: LogicalBlock): PhysicalBlock | undefined {
    const ratio = this.#geometry.clusterRatio;
    const start = logical - (logical % ratio);
    const around = this.#around;
    for (let block = start; block < start + ratio; block += around.length) {
      this.#mapping.map(inode, logicalBlock(block), around);
      if (around.state !== RangeState.Hole) return physicalBlock(around.physical - (block - start));
    }
    return undefined;
  }

  /** Shortens a hole so that it does not end inside a cluster that the file owns already. */
  #withoutSharedEnd(inode: Inode, logical: LogicalBlock, length: number): number {
    const ratio = this.#geometry.clusterRatio;
    const over = (logical + length) % ratio;
    if (over === 0 || over >= length) return length;
    return this.#sharedCluster(inode, logicalBlock(logical + length)) === undefined ? length : length - over;
  }

  #free(inode: Inode, logical: LogicalBlock, physical: PhysicalBlock, length: number, journalled: boolean): void {
    const ratio = this.#geometry.clusterRatio;
    let start = physical - (logical % ratio);
    let clusters = Math.ceil((logical % ratio + length) / ratio);
    if (ratio > 1) {
      const lastBlock = logicalBlock(logical + length - 1);
      if (clusters > 1 && this.#sharedCluster(inode, lastBlock) !== undefined) clusters--;
      if (this.#sharedCluster(inode, logical) !== undefined) {
        start += ratio;
        clusters--;
      }
    }
    if (clusters <= 0) return;
    this.#space.free(physicalBlock(start), clusters * ratio, journalled);
    this.#inodes.addBlocks(inode, -clusters * ratio);
  }
}
