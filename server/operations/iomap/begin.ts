import {
  bypassesCache, iomapCount, iomapInode, iomapOperation, IomapOperation, iomapPosition, isWriteOperation, Mapping, MappingFlag, MappingType, writeIomapBeginOut,
} from '../../../protocol/fuse/iomap.js';
import { CorruptionError, errno } from '../../ext4/errors.js';
import type { Inode } from '../../ext4/inode.js';
import { LOGICAL_BLOCK_LIMIT, MappedRange, RangeState } from '../../ext4/mapping/mapping.js';
import { logicalBlock } from '../../ext4/units.js';
import type { Handler } from '../../session/handler.js';
import type { Request } from '../../session/request.js';
import type { Volume } from '../volume.js';
import type { KernelData } from './kernel-data.js';

const { WRITE, ZERO, REPORT, FAULT, DIRECT, OVERWRITE_ONLY, UNSHARE, ATOMIC, DONTCACHE } = IomapOperation;

/** What BEGIN may change on a mount that is written. */
export interface SpaceForData {
  /** Largest size of a file, in bytes. */
  mostBytes(inode: Inode): number;
  /** Whether a file may own those blocks. */
  isFileSpace(first: number, length: number): boolean;
  /** Fills a hole; the rest of the range as far as one handle goes. */
  reserve(request: Request, inode: Inode, first: number, end: number, isWriteback: boolean): void;
  /** Has the inode of an empty file hold what is about to be written, if there is room for contents that long. @returns whether it does now */
  beginInline(inode: Inode, length: number): boolean;
  /** Whether the inode itself has room for contents that long. */
  holdsInline(inode: Inode, length: number): boolean;
  /** Writes zeros to what the inode holds. @returns whether it could */
  zeroInline(inode: Inode, from: number, end: number): boolean;
  /** Gives a file that the inode holds blocks of its own. */
  moveOut(request: Request, inode: Inode, isWriteback: boolean): void;
  /** Something that was changed is not durable yet. */
  readonly isUncommitted: boolean;
  commit(): void;
}

/** FIEMAP asks for everything up to here, for the kernel is told no largest size: there is nothing behind the last block that can be. */
const END_OF_POSITIONS = 2 ** 63;

/** By write(2), by way of the page cache. */
const isPlainWrite = (operation: number): boolean => (operation & ~DONTCACHE) === WRITE;

/** In one step of a write: bounds how long others wait. */
const MOST_BYTES_RESERVED = 64 << 20;

/**
 * IOMAP_BEGIN: where the bytes at a position are, and up to where that holds. Before data is written its
 * blocks are reserved here; they read as zeros until IOEND says that the data is there.
 *
 * @param space undefined where nothing is written
 */
export function beginOperation({ nodes, filesystem }: Volume, data: KernelData, space?: SpaceForData): Handler {
  const { profile, blockSize } = data;
  const { mapping } = filesystem;
  const range = new MappedRange();
  const read = new Mapping();
  const write = new Mapping();
  const retry = new Mapping();
  /** Where this request has reserved what the kernel may remember as a hole: both read as zeros. Empty where it has not. */
  const filled = { from: 0, to: 0 };
  const allocates = WRITE | UNSHARE | profile.writeback;

  const fillHole = (request: Request, inode: Inode, position: number, count: number, operation: number): void => {
    const changer = space as SpaceForData;
    const first = Math.floor(position / blockSize);
    const wanted = position + Math.min(count, MOST_BYTES_RESERVED);
    const end = Math.ceil(Math.min(wanted, changer.mostBytes(inode)) / blockSize);
    changer.reserve(request, inode, first, end, (operation & profile.writeback) !== 0);
    if (inode.hasFlag('EXTENTS')) {
      filled.from = first * blockSize;
      filled.to = end * blockSize;
    } else {
      data.forgetMappings(request.nodeid, inode.number, first * blockSize, end * blockSize);
    }
    mapping.map(inode, logicalBlock(first), range);
  };

  /** A hole ends where the kernel's interest does at the latest. */
  const holeEnd = (inode: Inode, first: number, position: number, count: number): number => {
    const last = Math.ceil(Math.max(position + count, inode.size) / blockSize);
    return Math.max(first + 1, Math.min(range.logical + range.length, last, LOGICAL_BLOCK_LIMIT));
  };

  /** An extent is told whole: what lies before the position would be asked for later otherwise, from wherever it is read. */
  const placeRange = (inode: Inode, position: number, count: number, flags: number, isReport: boolean): void => {
    if (range.state === RangeState.Hole) {
      const offset = range.logical * blockSize;
      read.set(offset, holeEnd(inode, range.logical, position, count) * blockSize - offset, MappingType.HOLE);
      return;
    }
    // Whoever asks for extents from a position on gets them from there, as elsewhere.
    const before = isReport ? 0 : range.before;
    const first = range.physical - before;
    const length = before + range.length;
    if (space?.isFileSpace(first, length) === false) {
      throw new CorruptionError('extent tree', { inode: inode.number, block: first }, 'a file is mapped onto the filesystem\'s own structures');
    }
    const type = range.state === RangeState.Unwritten ? MappingType.UNWRITTEN : MappingType.MAPPED;
    const merged = inode.hasFlag('EXTENTS') ? 0 : MappingFlag.MERGED;
    read.set((range.logical - before) * blockSize, length * blockSize, type, flags | merged, data.addressOf(first * blockSize), data.device);
  };

  /** @returns whether the inode still holds the contents, and `read` says so */
  const placeInline = (request: Request, inode: Inode, position: number, count: number, operation: number): boolean => {
    const isChanged = isWriteOperation(profile, operation) && (operation & REPORT) === 0;
    // The zeros that the kernel brings reach to the end of a block, and look like an append: it is not to bring any.
    const isZeroed = isChanged && (operation & ZERO) !== 0 && space?.zeroInline(inode, position, position + count) === true;
    // A page that a process can write to whenever it likes is not written back to an inode.
    const fits = (operation & (ZERO | FAULT | profile.writeback)) === 0 && space?.holdsInline(inode, position + count) === true;
    if (isChanged && !isZeroed && !fits) {
      (space as SpaceForData).moveOut(request, inode, (operation & profile.writeback) !== 0);
      return false;
    }
    const isPast = position >= blockSize;
    const offset = isPast ? Math.floor(position / blockSize) * blockSize : 0;
    read.set(offset, isPast ? Math.ceil(count / blockSize) * blockSize : blockSize, isPast || isZeroed ? MappingType.HOLE : MappingType.INLINE);
    return true;
  };

  /** @returns 0 or a negative errno */
  const place = (request: Request, inode: Inode, position: number, count: number, operation: number): number => {
    const isSwapFile = (operation & profile.swapFile) !== 0;
    const isWrite = isWriteOperation(profile, operation);
    if ((operation & ATOMIC) !== 0 && !data.writesUntorn(inode)) return -errno.EOPNOTSUPP;
    // What the kernel remembers of an empty file is a hole.
    if (isPlainWrite(operation) && space?.beginInline(inode, position + count) === true) data.forgetMappings(request.nodeid, inode.number, 0, blockSize);
    if (inode.hasFlag('INLINE_DATA')) {
      if (isSwapFile) return -errno.EINVAL;
      if (placeInline(request, inode, position, count, operation)) return 0;
    }
    mapping.map(inode, logicalBlock(Math.floor(position / blockSize)), range);
    if ((operation & OVERWRITE_ONLY) !== 0 && range.state !== RangeState.Written) return -errno.EAGAIN;
    if ((operation & allocates) !== 0 && (operation & REPORT) === 0 && range.state === RangeState.Hole) fillHole(request, inode, position, count, operation);
    let flags = 0;
    if (isSwapFile) {
      if (range.state === RangeState.Hole) return -errno.EINVAL;
      space?.commit();
      data.swapFiles.add(inode.number);
    } else if (isWrite && space?.isUncommitted === true) {
      flags |= MappingFlag.DIRTY;
    }
    if ((operation & ATOMIC) !== 0) {
      if (range.state === RangeState.Hole || (range.logical + range.length) * blockSize < position + count) return -errno.EINVAL;
      flags |= MappingFlag.ATOMIC_BIO;
    }
    placeRange(inode, position, count, flags, (operation & REPORT) !== 0);
    return 0;
  };

  /** What will not hold for long, or only for this operation, is not for the kernel to keep: a direct write is soon over what was reserved for it. */
  const isKept = (inode: Inode, operation: number, end: number): boolean => {
    if (bypassesCache(profile, operation) || inode.hasFlag('INLINE_DATA')) return false;
    return (operation & (WRITE | DIRECT)) !== (WRITE | DIRECT) || read.type === MappingType.MAPPED || end < read.offset + read.length;
  };

  /** A mapping that the kernel keeps takes the place of what it remembers there; else it is to forget that. @returns whether it has it */
  const settleCache = (nodeid: number, inode: Inode, operation: number, end: number): boolean => {
    const { from, to } = filled;
    const kept = isKept(inode, operation, end);
    if (kept && read.offset <= from && to <= read.offset + read.length && data.keepMapping(nodeid, inode.number, read)) return true;
    if (to > from) data.forgetMappings(nodeid, inode.number, from, to);
    return kept && data.keepMapping(nodeid, inode.number, read);
  };

  return (request, reply) => {
    const { nodeid, view, bodyOffset: at } = request;
    filled.from = filled.to = 0;
    const operation = iomapOperation(view, at);
    const position = iomapPosition(view, at);
    const count = iomapCount(view, at);
    const inode = nodes.get(nodeid);
    if (iomapInode(view, at) !== inode.number || !data.has(inode) || count === 0) return -errno.EINVAL;
    const isWrite = isWriteOperation(profile, operation) && (operation & REPORT) === 0;
    if (isWrite && space === undefined) return -errno.EROFS;
    const most = isWrite && space !== undefined ? space.mostBytes(inode) : (LOGICAL_BLOCK_LIMIT - 1) * blockSize;
    if (position >= most) {
      if (isWrite) return -errno.EFBIG;
      write.set(most, END_OF_POSITIONS - most, profile.pureOverwrite);
      return writeIomapBeginOut(reply.view, reply.body, read.set(write.offset, write.length, MappingType.HOLE), write);
    }
    const outcome = place(request, inode, position, Math.min(count, most - position), operation);
    if (outcome < 0) return outcome;
    data.counters.mappings++;
    write.set(read.offset, read.length, profile.pureOverwrite);
    if (!settleCache(nodeid, inode, operation, position + count)) return writeIomapBeginOut(reply.view, reply.body, read, write);
    return writeIomapBeginOut(reply.view, reply.body, retry.set(read.offset, read.length, profile.retryCache), write);
  };
}
