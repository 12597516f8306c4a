import { IOCTL_FIXED_SIZE, ioctlCommand, ioctlInSize, ioctlOutSize } from '../../protocol/fuse/requests.js';
import { IOCTL_OUT_SIZE, writeIoctlOut } from '../../protocol/fuse/replies.js';
import { readU64, write64 } from '../../protocol/fuse/word64.js';
import { errno } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import { InodeFlags, setGeneration } from '../ext4/layout/inode.js';
import type { Handler, OperationTable } from '../session/handler.js';
import type { Request } from '../session/request.js';
import { FlagChanges } from './flag-changes.js';
import { flagsWithExtended, userVisibleFlags } from './inode-flags.js';
import { changing, type WritableVolume } from './writable-volume.js';

const ROOT_USER = 0;
const TRIM_RANGE_SIZE = 24;
/** FS_IOC_SETFSLABEL */
const SET_LABEL = 0x4100_9432;
const LABEL_SIZE = 16;
const LABEL_ROOM = 256;

/** Acts on the argument at `at`. @returns 0 or a negative errno */
interface Change {
  readonly size: number;
  readonly perform: (inode: Inode, request: Request, at: number) => number;
}

/**
 * ioctls that change something; what only asks is left to `asking`. The kernel has checked the callers
 * of FS_IOC_SETFLAGS and FS_IOC_FSSETXATTR; the others it passes on unseen.
 */
export function ioctlChangeOperations(volume: WritableVolume, asking: Handler): OperationTable {
  const { nodes, writable, filesystem } = volume;
  const { superblock } = filesystem;
  const flagChanges = new FlagChanges(writable);
  let label = new TextEncoder().encode(superblock.label);

  const setFlags: Change = {
    size: 4,
    perform: (inode, { view, uid }, at) => {
      flagChanges.set(inode, view.getUint32(at, true), inode.projectId, uid === ROOT_USER);
      return 0;
    },
  };

  const setVersion: Change = {
    size: 4,
    perform: (inode, { view, uid }, at) => {
      if (uid !== ROOT_USER && uid !== inode.uid) return -errno.EPERM;
      // The generation is part of every checksum of the inode's blocks.
      if (superblock.features.hasRoCompat('METADATA_CSUM')) return -errno.ENOTTY;
      writable.inodes.touch(inode, writable.clock.seconds, writable.clock.nanoseconds, false);
      setGeneration(inode.view, inode.offset, view.getUint32(at, true));
      inode.bind();
      return 0;
    },
  };

  const changes: ReadonlyMap<number, Change> = new Map([
    [0x4008_6602, setFlags], // FS_IOC_SETFLAGS
    [0x4004_6602, setFlags],
    [0x4008_7602, setVersion], // FS_IOC_SETVERSION
    [0x4004_7602, setVersion],
    [0x4008_6604, setVersion], // EXT4_IOC_SETVERSION
    [0x4004_6604, setVersion],
    [
      0x401c_5820, // FS_IOC_FSSETXATTR
      {
        size: 28,
        perform: (inode, { view, uid }, at) => {
          // As FS_IOC_GETFLAGS, it does not show a regular file what it could only pass on.
          const shown = userVisibleFlags(inode.isRegular ? inode.flags & ~InodeFlags.PROJINHERIT : inode.flags);
          flagChanges.set(inode, flagsWithExtended(shown, view.getUint32(at, true)), view.getUint32(at + 12, true), uid === ROOT_USER);
          return 0;
        },
      },
    ],
    [
      SET_LABEL,
      {
        size: LABEL_ROOM,
        perform: (_, { bytes, uid }, at) => {
          if (uid !== ROOT_USER) return -errno.EPERM;
          const length = bytes.subarray(at, at + LABEL_ROOM).indexOf(0);
          if (length < 0 || length > LABEL_SIZE) return -errno.EINVAL;
          const wanted = bytes.slice(at, at + length);
          writable.setLabel(wanted);
          label = wanted;
          return 0;
        },
      },
    ],
  ]);

  const change = changing(volume, (request, reply) => {
    const { nodeid, view, bodyOffset, bodyLength } = request;
    const { size, perform } = changes.get(ioctlCommand(view, bodyOffset)) as Change;
    if (ioctlInSize(view, bodyOffset) < size || bodyLength < IOCTL_FIXED_SIZE + size) return -errno.EINVAL;
    const outcome = perform(nodes.get(nodeid), request, bodyOffset + IOCTL_FIXED_SIZE);
    return outcome < 0 ? outcome : writeIoctlOut(reply.view, reply.body, 0);
  });

  /** blkid(8) and udev look for it on the device, while it is mounted. */
  const changeLabel: Handler = (request, reply) => {
    const outcome = change(request, reply);
    if (outcome >= 0) writable.settle();
    return outcome;
  };

  const others: ReadonlyMap<number, Handler> = new Map<number, Handler>([
    [
      0x8100_9431, // FS_IOC_GETFSLABEL
      (_, reply) => {
        const at = reply.body + IOCTL_OUT_SIZE;
        reply.bytes.fill(0, at, at + LABEL_ROOM);
        reply.bytes.set(label, at);
        return writeIoctlOut(reply.view, reply.body, 0) + LABEL_ROOM;
      },
    ],
    [
      // FITRIM, whose argument is start8@0 length8@8 shortest8@16; the length comes back as what was done.
      0xc018_5879,
      ({ uid, view, bodyOffset, bodyLength }, reply) => {
        if (uid !== ROOT_USER) return -errno.EPERM;
        if (bodyLength < IOCTL_FIXED_SIZE + TRIM_RANGE_SIZE || ioctlOutSize(view, bodyOffset) < TRIM_RANGE_SIZE) return -errno.EINVAL;
        const at = bodyOffset + IOCTL_FIXED_SIZE;
        const range = { start: readU64(view, at), length: readU64(view, at + 8), shortest: readU64(view, at + 16) };
        const trimmed = writable.trimFreeSpace(range);
        const to = reply.body + IOCTL_OUT_SIZE;
        write64(reply.view, to, range.start);
        write64(reply.view, to + 8, trimmed);
        write64(reply.view, to + 16, range.shortest);
        return writeIoctlOut(reply.view, reply.body, 0) + TRIM_RANGE_SIZE;
      },
    ],
    [
      // EXT4_IOC_SHUTDOWN. The command's number says that it only reads, so FUSE does not pass on which
      // of its modes was asked for: what was done so far always goes to the device first.
      0x8004_587d,
      ({ uid }, reply) => {
        if (uid !== ROOT_USER) return -errno.EPERM;
        writable.shutDown();
        return writeIoctlOut(reply.view, reply.body, 0);
      },
    ],
  ]);

  return {
    IOCTL: (request, reply) => {
      const command = ioctlCommand(request.view, request.bodyOffset);
      if (command === SET_LABEL) return changeLabel(request, reply);
      if (changes.has(command)) return change(request, reply);
      return (others.get(command) ?? asking)(request, reply);
    },
  };
}

/** Once the filesystem is shut down, everything is an error but what the kernel does not wait for. */
export function untilShutDown({ writable }: WritableVolume, operations: OperationTable): OperationTable {
  const guarded = Object.entries(operations).map(([name, handler]): [string, Handler] => {
    if (name === 'FORGET' || name === 'BATCH_FORGET') return [name, handler];
    return [name, (request, reply) => (writable.isShutDown ? -errno.EIO : handler(request, reply))];
  });
  return Object.fromEntries(guarded);
}
