import type { OpcodeName } from '../../../protocol/fuse/opcodes.js';
import * as requests from '../../../protocol/fuse/requests.js';
import { SetattrValid } from '../../../protocol/fuse/requests.js';
import { errno } from '../../ext4/errors.js';
import type { Handler, OperationTable } from '../../session/handler.js';
import type { Volume } from '../volume.js';
import { findingRoom, type WritableVolume } from '../writable-volume.js';
import { beginOperation } from './begin.js';
import { completionOperation } from './completion.js';
import { configOperation } from './configuration.js';
import type { KernelData } from './kernel-data.js';
import { spaceForData } from './space-for-data.js';

/** The kernel needs to say only once what it did with a mapping, and nothing follows from it here: space stays reserved. */
const noEnd: Handler = () => -errno.ENOSYS;

/** Puts what concerns reading before the operations of a mount where the kernel may move file data. */
export function withKernelData(volume: Volume, data: KernelData, table: OperationTable): OperationTable {
  const { attributes, filesystem, options } = volume;
  const configured = (): void => {
    attributes.flagsOf = (inode) => data.attributeFlags(inode);
  };
  return {
    ...table,
    ...(table.READ && { READ: readingInline(volume, data, table.READ) }),
    IOMAP_CONFIG: configOperation(filesystem, data, options.iomap === 'on', configured),
    IOMAP_BEGIN: beginOperation(volume, data),
    IOMAP_END: noEnd,
  };
}

/** The same for a mount that is written. */
export function withWrittenKernelData(volume: WritableVolume, data: KernelData, table: OperationTable): OperationTable {
  const { writable, attributes, filesystem, options, accessTimes, lookups } = volume;
  const configured = (): void => {
    attributes.flagsOf = (inode) => data.attributeFlags(inode);
    accessTimes.keptElsewhere = (inode) => data.keepsAttributes(inode);
    data.isKnown = (nodeid) => lookups.isKnown(nodeid);
    writable.inheritsAcls = false;
    writable.leaveDataTo(data);
    const { freed } = writable;
    writable.freed = (position, length) => {
      freed?.(position, length);
      data.dropCachedBlocks(position, length);
    };
  };
  return {
    ...withKernelData(volume, data, table),
    ...wrapped(data, table, {
      WRITE: (write) => (request, reply) => {
        const inode = volume.nodes.get(request.nodeid);
        return data.has(inode) && !inode.hasFlag('INLINE_DATA') ? -errno.EIO : write(request, reply);
      },
      SETATTR: (set) => (request, reply) => {
        const { view, bodyOffset: at } = request;
        if ((requests.setattrValid(view, at) & SetattrValid.SIZE) === 0) return set(request, reply);
        return changingBlocks(volume, data, request.nodeid, requests.setattrSize(view, at), Infinity) || set(request, reply);
      },
      FALLOCATE: (allocate) => (request, reply) => {
        const { view, bodyOffset: at } = request;
        const offset = requests.fallocateOffset(view, at);
        return changingBlocks(volume, data, request.nodeid, offset, offset + requests.fallocateLength(view, at)) || allocate(request, reply);
      },
      // The mode is final, and access control lists follow: the kernel has both from the directory.
      MKNOD: (make) => withoutUmask(requests.clearMknodUmask, make),
      MKDIR: (make) => withoutUmask(requests.clearMkdirUmask, make),
      TMPFILE: (make) => withoutUmask(requests.clearCreateUmask, make),
      // The server does not see what the kernel caches, nor the kernel what it would write: the kernel copies.
      COPY_FILE_RANGE: () => () => -errno.ENOSYS,
      COPY_FILE_RANGE_64: () => () => -errno.ENOSYS,
      FSYNC: (sync) => flushing(volume, sync),
      FSYNCDIR: (sync) => flushing(volume, sync),
      SYNCFS: (sync) => flushing(volume, sync),
    }),
    IOMAP_CONFIG: configOperation(filesystem, data, options.iomap === 'on', configured),
    IOMAP_BEGIN: findingRoom(volume, beginOperation(volume, data, spaceForData(volume))),
    IOMAP_IOEND: completionOperation(volume, data),
    FREEZE_FS: () => {
      writable.settle();
      data.isFrozen = true;
      return 0;
    },
    UNFREEZE_FS: () => {
      data.isFrozen = false;
      return 0;
    },
    SHUTDOWN_FS: () => {
      writable.shutDown();
      return 0;
    },
  };
}

type Wrappers = Partial<Record<OpcodeName, (inner: Handler) => Handler>>;

/** Handlers that behave differently once the kernel moves the data. */
function wrapped(data: KernelData, table: OperationTable, wrappers: Wrappers): OperationTable {
  const entries = Object.entries(wrappers) as [OpcodeName, (inner: Handler) => Handler][];
  return Object.fromEntries(
    entries.flatMap(([name, wrap]): [string, Handler][] => {
      const inner = table[name];
      if (inner === undefined) return [];
      const outer = wrap(inner);
      return [[name, (request, reply) => (data.isActive ? outer : inner)(request, reply)]];
    }),
  );
}

/** Only what the inode itself holds comes by way of READ; the kernel's buffer is filled to its end, also for an empty file. */
function readingInline({ nodes }: Volume, data: KernelData, read: Handler): Handler {
  return (request, reply) => {
    if (!data.isActive) return read(request, reply);
    const inode = nodes.get(request.nodeid);
    if (!data.has(inode)) return read(request, reply);
    if (!inode.hasFlag('INLINE_DATA')) return -errno.EIO;
    const count = read(request, reply);
    if (count < 0) return count;
    const wanted = Math.min(requests.readSize(request.view, request.bodyOffset), reply.capacity);
    reply.bytes.fill(0, reply.body + count, reply.body + wanted);
    return Math.max(count, wanted);
  };
}

/** Blocks of a range are about to be someone else's: the kernel must not go there any more. @returns 0 or a negative errno */
function changingBlocks({ nodes }: WritableVolume, data: KernelData, nodeid: number, offset: number, end: number): number {
  const inode = nodes.get(nodeid);
  if (!data.has(inode)) return 0;
  if (data.swapFiles.has(inode.number)) return -errno.ETXTBSY;
  if (!Number.isSafeInteger(offset)) return -errno.EFBIG;
  data.forgetMappings(nodeid, inode.number, offset, end);
  return 0;
}

const withoutUmask = (clear: (view: DataView, at: number) => void, make: Handler): Handler => (request, reply) => {
  clear(request.view, request.bodyOffset);
  return make(request, reply);
};

/** What the kernel has written by itself waits in the device's own memory, whether or not anything changed here. */
const flushing = ({ writable }: WritableVolume, sync: Handler): Handler => (request, reply) => {
  writable.writer.unflushed = true;
  return sync(request, reply);
};
