import type { FilesystemError } from '../errors.js';
import { CorruptionError, errno, OperationError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { TransactionListener } from '../journal/transaction-listener.js';
import type { Transactions } from '../journal/transactions.js';
import { groupNumber, physicalBlock, type GroupNumber, type InodeNumber, type PhysicalBlock } from '../units.js';
import type { BlockBitmaps } from './block-bitmaps.js';
import type { AllocatedRun, AllocationRequest, BlockSpace } from './block-space.js';
import { clearBits, nextClear, setBits } from './bitmap.js';
import type { GroupCounters } from './group-counters.js';
import { GroupIndex } from './group-index.js';
import { GroupSpace, type ClusterRange, type FoundRun } from './group-space.js';
import { WindowSizes } from './window-sizes.js';

/** Groups whose space map stays in memory: 4 KiB each with 4 KiB blocks. */
const MOST_SPACES = 512;
/** Groups that are looked at for a run of the full length before the longest one seen is taken. */
const GROUPS_TRIED = 16;
/** Files that hold a window at the same time; the oldest gives its own up. */
const MOST_WINDOWS = 256;

/** Clusters held for a file that is being written. */
interface Window extends ClusterRange {
  /** How many it was meant to have, and began with if there was room. */
  readonly size: number;
}

/** Without room: whether a commit would free some. */
export class NoSpaceError extends OperationError {
  readonly afterCommit: boolean;

  constructor(afterCommit: boolean) {
    super(errno.ENOSPC, 'no space left on the filesystem');
    this.afterCommit = afterCommit;
  }
}

/**
 * Hands out runs of blocks: at the goal if that is free, else the first run that is long enough in
 * the goal's group, else in the next groups that may have one. A file that is written in order gets
 * the space behind its last run held for it, so that files written at the same time do not end up
 * interleaved.
 */
export class BlockAllocator implements BlockSpace, TransactionListener {
  callerIsPrivileged = true;
  readonly #geometry: Geometry;
  readonly #transactions: Transactions;
  readonly #bitmaps: BlockBitmaps;
  readonly #counters: GroupCounters;
  keptForNodes = 0;
  readonly #index: GroupIndex;
  readonly #report: (problem: FilesystemError) => void;
  readonly #discard: (start: PhysicalBlock, length: number) => void;
  readonly #spaces = new Map<GroupNumber, GroupSpace>();
  /** Freed by the running transaction: it may not be handed out. */
  #pending: ClusterRange[] = [];
  /** Freed by the one that is being committed: the same. */
  #committing: ClusterRange[] = [];
  #pendingBefore = 0;
  #pendingClusters = 0;
  readonly #windows = new Map<InodeNumber, Window>();
  #heldClusters = 0;
  /** Groups in which the open handle changed something. */
  readonly #touched = new Set<GroupNumber>();
  readonly #found: FoundRun = { from: 0, length: 0 };
  readonly #reservedClusters: number;
  readonly #windowSizes: WindowSizes;

  constructor(
    geometry: Geometry,
    transactions: Transactions,
    bitmaps: BlockBitmaps,
    counters: GroupCounters,
    reservedClusters: number,
    report: (problem: FilesystemError) => void,
    discard: (start: PhysicalBlock, length: number) => void,
  ) {
    this.#geometry = geometry;
    this.#transactions = transactions;
    this.#bitmaps = bitmaps;
    this.#counters = counters;
    this.#reservedClusters = reservedClusters;
    this.#report = report;
    this.#discard = discard;
    this.#index = new GroupIndex(geometry.groupCount);
    this.#windowSizes = new WindowSizes(geometry, counters);
    transactions.listen(this);
  }

  allocate(request: AllocationRequest, run: AllocatedRun): void {
    const ratio = this.#geometry.clusterRatio;
    const wanted = Math.ceil(request.length / ratio);
    const kept = request.isNode === true ? 0 : this.keptForNodes;
    // What was freed is not there before it is committed.
    if (kept > 0 && !this.hasRoom(kept)) throw this.#noSpace();
    const available = this.#counters.totals.freeClusters - kept - (request.privileged ? 0 : this.#reservedClusters);
    if (available < 1) throw this.#noSpace();
    const most = Math.min(wanted, available);
    const goal = this.#geometry.containsBlocks(request.goal, 1) ? request.goal : physicalBlock(this.#geometry.groupFirstBlock(groupNumber(0)));
    const group = this.#geometry.groupOfBlock(goal);
    const cluster = Math.floor((goal - this.#geometry.groupFirstBlock(group)) / ratio);
    const held = this.#windows.get(request.inode);
    const window = held !== undefined && held.group === group && held.from === cluster ? held : undefined;

    if (window !== undefined && window.from < window.to) {
      this.#takeFromWindow(request, window, most, run);
      return;
    }
    const windowSize = request.streaming ? this.#windowSizes.limited(window?.size ?? this.#windowSizes.first(most)) : 0;
    if (this.#takeAt(group, cluster, most, windowSize, request, run)) return;
    if (this.#search(group, cluster, most, windowSize, request, run)) return;
    if (this.#windows.size === 0) throw this.#noSpace();
    this.releaseWindows();
    if (!this.#search(group, cluster, most, windowSize, request, run)) throw this.#noSpace();
  }

  free(start: PhysicalBlock, length: number, metadata: boolean): void {
    const ratio = this.#geometry.clusterRatio;
    if (!this.#counters.zones.isFileSpace(start, length)) {
      throw new CorruptionError('block bitmap', { block: start }, `freeing ${length} blocks that are not a file's`);
    }
    let at: number = start;
    const end = start + length;
    while (at < end) {
      const group = this.#geometry.groupOfBlock(physicalBlock(at));
      const first = this.#geometry.groupFirstBlock(group);
      const stop = Math.min(end, first + this.#geometry.groupBlocks(group));
      this.#freeInGroup(group, Math.floor((at - first) / ratio), Math.ceil((stop - first) / ratio));
      at = stop;
    }
    if (!metadata) this.#transactions.forgetData(start, length);
    else for (let block = start; block < end; block++) this.#transactions.forget(physicalBlock(block));
  }

  isFileSpace(start: PhysicalBlock, length: number): boolean {
    return this.#counters.zones.isFileSpace(start, length);
  }

  hasRoom(clusters: number): boolean {
    return this.#counters.totals.freeClusters - this.#pendingClusters >= clusters;
  }

  releaseWindow(inode: InodeNumber): void {
    const window = this.#windows.get(inode);
    if (window === undefined) return;
    this.#windows.delete(inode);
    this.#heldClusters -= window.to - window.from;
    if (window.to > window.from) this.#spaces.get(window.group)?.giveBack(window.from, window.to);
    this.#index.set(window.group, true);
  }

  releaseWindows(): void {
    for (const inode of [...this.#windows.keys()]) this.releaseWindow(inode);
  }

  ending(): void {
    this.#pendingBefore = this.#pending.length;
    this.#touched.clear();
  }

  undone(): void {
    for (const range of this.#pending.splice(this.#pendingBefore)) this.#pendingClusters -= range.to - range.from;
    for (const group of this.#touched) {
      this.#spaces.delete(group);
      this.#index.set(group, true);
    }
    this.#touched.clear();
  }

  frozen(): void {
    this.#committing = this.#pending;
    this.#pending = [];
    this.#pendingBefore = 0;
  }

  committed(): void {
    const ratio = this.#geometry.clusterRatio;
    for (const { group, from, to } of this.#committing) {
      this.#pendingClusters -= to - from;
      this.#spaces.get(group)?.giveBack(from, to);
      this.#index.set(group, true);
      this.#discard(physicalBlock(this.#geometry.groupFirstBlock(group) + from * ratio), (to - from) * ratio);
    }
    this.#committing = [];
  }

  #noSpace(): NoSpaceError {
    return new NoSpaceError(this.#pendingClusters > 0);
  }

  #takeFromWindow(request: AllocationRequest, window: Window, wanted: number, run: AllocatedRun): void {
    const { group, from, to, size } = window;
    const length = Math.min(wanted, to - from);
    this.#windows.set(request.inode, { group, from: from + length, to, size });
    this.#heldClusters -= length;
    // The bits are set in the space map already: they were held.
    this.#mark(group, from, length, run);
    if (from + length === to) this.#hold(request, group, to, this.#windowSizes.next(size));
  }

  /** Takes what is free at the goal. A stream that would be cut short there goes to where it has more room. */
  #takeAt(group: GroupNumber, cluster: number, wanted: number, windowSize: number, request: AllocationRequest, run: AllocatedRun): boolean {
    const space = this.#space(group);
    if (space === undefined) return false;
    space.runAt(cluster, wanted, this.#found);
    const { length } = this.#found;
    if (length === 0 || (request.streaming && length < wanted)) return false;
    this.#take(space, wanted, windowSize, request, run);
    return true;
  }

  #search(goalGroup: GroupNumber, goalCluster: number, wanted: number, windowSize: number, request: AllocationRequest, run: AllocatedRun): boolean {
    const room = wanted + windowSize;
    let best: GroupSpace | undefined;
    let bestFrom = 0;
    let bestLength = 0;
    const { groupCount } = this.#geometry;
    const found = this.#found;
    let group: number = goalGroup;
    let distance = -1;
    for (let tried = 0; ; ) {
      group = this.#index.next(group);
      const before = distance;
      distance = (group - goalGroup + groupCount) % groupCount;
      if (group < 0 || distance <= before) break;
      const space = this.#space(groupNumber(group));
      if (space !== undefined) {
        space.bestRun(group === goalGroup ? goalCluster : 0, room, found);
        if (found.length > bestLength) {
          best = space;
          bestFrom = found.from;
          bestLength = found.length;
        }
        if (bestLength >= room || (++tried >= GROUPS_TRIED && best !== undefined)) break;
      }
      group = (group + 1) % groupCount;
    }
    if (best === undefined) return false;
    found.from = bestFrom;
    found.length = bestLength;
    this.#take(best, wanted, windowSize, request, run);
    return true;
  }

  /** Takes the beginning of what was found, and holds what follows. */
  #take(space: GroupSpace, wanted: number, windowSize: number, request: AllocationRequest, run: AllocatedRun): void {
    const { from } = this.#found;
    const length = Math.min(this.#found.length, wanted);
    space.take(from, from + length);
    this.#mark(space.group, from, length, run);
    if (space.free === 0) this.#index.set(space.group, false);
    this.#hold(request, space.group, from + length, windowSize);
  }

  /** Sets the bits on disk. */
  #mark(group: GroupNumber, from: number, length: number, run: AllocatedRun): void {
    const ratio = this.#geometry.clusterRatio;
    const start = physicalBlock(this.#geometry.groupFirstBlock(group) + from * ratio);
    if (!this.#counters.zones.isFileSpace(start, length * ratio)) {
      throw new CorruptionError('block bitmap', { group, block: start }, 'blocks that belong to the filesystem itself count as free');
    }
    this.#touched.add(group);
    setBits(this.#bitmaps.modify(group), from, from + length);
    this.#counters.addFreeClusters(group, -length);
    run.start = start;
    run.length = length * ratio;
  }

  /** Holds free space from `from` on for the file that was just given what lies before it. */
  #hold(request: AllocationRequest, group: GroupNumber, from: number, size: number): void {
    if (!request.streaming) return;
    this.releaseWindow(request.inode);
    const space = this.#space(group);
    if (space === undefined) return;
    const capped = this.#windowSizes.limited(size);
    space.runAt(from, capped, this.#found);
    const { length } = this.#found;
    space.take(from, from + length);
    const most = this.#windowSizes.ofAll - length;
    for (const oldest of this.#windows.keys()) {
      if (this.#windows.size < MOST_WINDOWS && this.#heldClusters <= most) break;
      this.releaseWindow(oldest);
    }
    this.#windows.set(request.inode, { group, from, to: from + length, size: capped });
    this.#heldClusters += length;
  }

  #freeInGroup(group: GroupNumber, from: number, to: number): void {
    const words = this.#bitmaps.modify(group);
    const clear = nextClear(words, from, to);
    if (clear < to) {
      throw new CorruptionError('block bitmap', { group }, `cluster ${clear} is freed, but counts as free already`);
    }
    // Loaded before the bits are cleared, so that they stay set in the space map.
    this.#touched.add(group);
    clearBits(words, from, to);
    this.#counters.addFreeClusters(group, to - from);
    this.#pending.push({ group, from, to });
    this.#pendingClusters += to - from;
  }

  /** The group's space map; undefined where its bitmap is damaged, and the group is left alone. */
  #space(group: GroupNumber): GroupSpace | undefined {
    const known = this.#spaces.get(group);
    if (known !== undefined) return known;
    if (this.#counters.freeClusters(group) === 0) {
      this.#index.set(group, false);
      return undefined;
    }
    if (this.#spaces.size >= MOST_SPACES) this.#spaces.clear();
    try {
      const space = new GroupSpace(group, this.#bitmaps, this.#geometry.blockSize, this.#held());
      this.#spaces.set(group, space);
      if (space.free === 0) this.#index.set(group, false);
      return space;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#report(error);
      this.#index.set(group, false);
      return undefined;
    }
  }

  *#held(): Generator<ClusterRange> {
    yield* this.#pending;
    yield* this.#committing;
    yield* this.#windows.values();
  }
}
