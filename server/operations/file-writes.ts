import * as requests from '../../protocol/fuse/requests.js';
import { FallocateMode, FsyncFlag, WriteFlags } from '../../protocol/fuse/requests.js';
import { writeCopyOut, writeWriteOut } from '../../protocol/fuse/replies.js';
import { errno } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import type { Handler, OperationTable } from '../session/handler.js';
import type { Request } from '../session/request.js';
import { leavingNothingStale } from './direct-writes.js';
import { fillingRange } from './partial-writes.js';
import { keepingWritebackErrors } from './writeback-errors.js';
import { withoutPrivileges } from './set-attributes.js';
import { changing, isAppendOnly, isImmutable, isPrivileged, refusedContents, ROOT_USER, UNKNOWN_USER, type WritableVolume } from './writable-volume.js';

const KNOWN_MODES = FallocateMode.KEEP_SIZE | FallocateMode.PUNCH_HOLE | FallocateMode.ZERO_RANGE;
/** Copied in one request at most: bounds how long others wait. */
const LARGEST_COPY = 16 << 20;
const COPY_CHUNK = 1 << 20;

/** WRITE, FALLOCATE, COPY_FILE_RANGE, and FSYNC and its kin: contents of files, and when they are durable. */
export function fileWriteOperations(volume: WritableVolume): OperationTable {
  const { nodes, writable, writeData } = volume;
  const { inodes, clock } = writable;
  let chunk: Uint8Array | undefined;

  const modified = (inode: Inode, killPrivileges: boolean): void => {
    if (killPrivileges) {
      inodes.setMode(inode, withoutPrivileges(inode.mode));
      writable.dropCapabilities(inode);
    }
    inodes.touch(inode, clock.seconds, clock.nanoseconds, true);
  };

  const refusal = (inode: Inode): number => {
    if (!inode.isRegular) return inode.isDirectory ? -errno.EISDIR : -errno.EINVAL;
    return isImmutable(inode) ? -errno.EPERM : refusedContents(inode);
  };

  const refusedSource = (inode: Inode): number => {
    if (!inode.isRegular) return inode.isDirectory ? -errno.EISDIR : -errno.EINVAL;
    return inode.hasFlag('ENCRYPT') ? -errno.ENOKEY : 0;
  };

  /** Copies a part of what a COPY_FILE_RANGE asks for. @returns how much, or a negative errno */
  const copyPart = ({ nodeid, view, bodyOffset: at, uid, gid }: Request, from: number, count: number): number => {
    const source = nodes.get(nodeid);
    const target = nodes.get(requests.copyNodeidOut(view, at));
    const refused = refusedSource(source) || refusal(target);
    if (refused !== 0) return refused;
    const offsetIn = requests.copyOffsetIn(view, at) + from;
    const offsetOut = requests.copyOffsetOut(view, at) + from;
    const length = Math.min(count, Math.max(0, source.size - offsetIn));
    if (!Number.isSafeInteger(offsetOut + length)) return -errno.EFBIG;
    chunk ??= new Uint8Array(COPY_CHUNK);
    for (let done = 0; done < length; ) {
      const step = writable.contents.read(source, offsetIn + done, Math.min(COPY_CHUNK, length - done), chunk, 0);
      writable.contents.write(target, offsetOut + done, chunk, 0, step, isPrivileged(volume, uid, gid, target));
      done += step;
    }
    if (length > 0) modified(target, false);
    return length;
  };

  const copy = (answer: (view: DataView, at: number, size: number) => number): Handler =>
    fillingRange(volume, {
      offset: ({ view, bodyOffset }) => requests.copyOffsetOut(view, bodyOffset),
      length: ({ view, bodyOffset }) => Math.min(requests.copyLength(view, bodyOffset), LARGEST_COPY),
      fill: copyPart,
      withoutRoom: () => 'part',
      answer,
    });

  /** Writes a part of the data of a WRITE. @returns how much, or a negative errno */
  const writePart = ({ nodeid, view, bytes, bodyOffset: at, bodyLength, uid, gid }: Request, from: number, count: number): number => {
    const inode = nodes.get(nodeid);
    const refused = refusal(inode);
    if (refused !== 0) return refused;
    const size = requests.writeSize(view, at);
    const offset = requests.writeOffset(view, at);
    if (size > bodyLength - requests.WRITE_FIXED_SIZE || !Number.isSafeInteger(offset + size)) return -errno.EINVAL;
    writeData?.clear();
    // What is tried in parts is written as it comes.
    const behind = count === size ? writeData : undefined;
    const flags = requests.writeFlags(view, at);
    if (isAppendOnly(inode) && offset + from < inode.size) return -errno.EPERM;
    const { sectors } = inode;
    // What the kernel writes back does not say who wrote it, its uid is 0: the file's owner answers for it.
    const isCached = (flags & WriteFlags.CACHE) !== 0;
    if (isCached && writable.quotas !== undefined) writable.quotas.isLimited = inode.uid !== ROOT_USER;
    const mayUseReserve = isPrivileged(volume, isCached ? UNKNOWN_USER : uid, gid, inode);
    writable.contents.write(inode, offset + from, bytes, at + requests.WRITE_FIXED_SIZE + from, count, mayUseReserve, behind);
    // What the kernel writes back from its cache does not make it ask how many blocks there are now.
    if (isCached && inode.sectors !== sectors) volume.staleAttributes.add(nodeid);
    // The kernel keeps the times of what it caches, and sends them when it writes the inode back.
    if (!isCached) modified(inode, (flags & WriteFlags.KILL_SUIDGID) !== 0);
    return count;
  };

  const writtenSize = ({ view, bodyOffset }: Request): number => requests.writeSize(view, bodyOffset);
  const isCachedData = ({ view, bodyOffset }: Request): boolean => (requests.writeFlags(view, bodyOffset) & WriteFlags.CACHE) !== 0;

  const write = keepingWritebackErrors(volume, isCachedData, fillingRange(volume, {
    offset: ({ view, bodyOffset }) => requests.writeOffset(view, bodyOffset),
    length: writtenSize,
    fill: writePart,
    // What the kernel writes back counts as written, however short the answer; of a direct write it makes EIO.
    withoutRoom: (request) => (isCachedData(request) ? 'part, and an error' : 'nothing'),
    answer: writeWriteOut,
  }));

  const sync: Handler = (request) => volume.syncs.defer(request, (requests.fsyncFlags(request.view, request.bodyOffset) & FsyncFlag.DATA_ONLY) !== 0);

  return {
    WRITE: leavingNothingStale(volume, writeData?.answering(write, writtenSize) ?? write, writeData?.writingNow(write) ?? write),

    FALLOCATE: changing(volume, ({ nodeid, view, bodyOffset: at, uid, gid }) => {
      const inode = nodes.get(nodeid);
      const refused = refusal(inode);
      if (refused !== 0) return refused;
      const mode = requests.fallocateMode(view, at);
      const offset = requests.fallocateOffset(view, at);
      const length = requests.fallocateLength(view, at);
      if (offset + length > writable.writer.maxSize(inode)) return -errno.EFBIG;
      if ((mode & ~KNOWN_MODES) !== 0) return -errno.EOPNOTSUPP;
      if (isAppendOnly(inode) && (mode & ~FallocateMode.KEEP_SIZE) !== 0) return -errno.EPERM;
      writable.contents.allocate(inode, offset, length, mode, isPrivileged(volume, uid, gid, inode));
      // Set-id bits that have to go went before, in a SETATTR of their own.
      modified(inode, false);
      return 0;
    }),

    COPY_FILE_RANGE: copy(writeWriteOut),
    COPY_FILE_RANGE_64: copy(writeCopyOut),
    FSYNC: sync,
    FSYNCDIR: sync,
    SYNCFS: (request) => volume.syncs.defer(request),
    // Nothing to do when a descriptor is closed: ENOSYS tells the kernel so once and for all.
    FLUSH: () => -errno.ENOSYS,
  };
}
