import { constants } from 'node:fs';
import { writeCopyOut, writeLseekOut, writeWriteOut } from '../../protocol/fuse/replies.js';
import * as requests from '../../protocol/fuse/requests.js';
import type { Handler, OperationTable } from '../session/handler.js';
import { EINVAL, ENOSYS } from './errors.js';
import type { OpenFile } from './open-files.js';
import type { Tree } from './tree.js';
import { treeShim } from './tree-shim.js';

const { O_DIRECT } = constants;

/** The filesystem thread answers nobody else while it copies. */
const LARGEST_COPY = 64 << 20;

/** Whether an open file passes caches can be changed while it is open. */
const descriptorFor = ({ descriptor, direct }: OpenFile, flags: number): number => (direct >= 0 && (flags & O_DIRECT) !== 0 ? direct : descriptor);

/** What is done to the contents of open files. */
export function dataOperations({ files }: Tree): OperationTable {
  const copy = (answer: (view: DataView, at: number, size: number) => number): Handler => ({ view, bodyOffset: at }, reply) => {
    const from = files.get(requests.requestHandle(view, at)).descriptor;
    const to = files.get(requests.copyHandleOut(view, at)).descriptor;
    const copied = treeShim.copy(from, requests.copyOffsetIn(view, at), to, requests.copyOffsetOut(view, at), Math.min(requests.copyLength(view, at), LARGEST_COPY));
    return copied < 0 ? copied : answer(reply.view, reply.body, copied);
  };

  const sync: Handler = ({ view, bodyOffset }) => {
    const dataOnly = (requests.fsyncFlags(view, bodyOffset) & requests.FsyncFlag.DATA_ONLY) !== 0;
    return treeShim.sync(files.get(requests.requestHandle(view, bodyOffset)).descriptor, dataOnly ? 1 : 0);
  };

  return {
    READ: ({ view, bodyOffset: at }, reply) => {
      const offset = requests.readOffset(view, at);
      if (!Number.isSafeInteger(offset)) return -EINVAL;
      const descriptor = descriptorFor(files.get(requests.requestHandle(view, at)), requests.readOpenFlags(view, at));
      return treeShim.read(descriptor, reply.bytes, reply.body, Math.min(requests.readSize(view, at), reply.capacity), offset);
    },

    WRITE: ({ view, bytes, bodyOffset: at, bodyLength }, reply) => {
      const size = requests.writeSize(view, at);
      const offset = requests.writeOffset(view, at);
      if (size > bodyLength - requests.WRITE_FIXED_SIZE || !Number.isSafeInteger(offset + size)) return -EINVAL;
      const file = files.get(requests.requestHandle(view, at));
      const isCached = (requests.writeFlags(view, at) & requests.WriteFlags.CACHE) !== 0;
      const descriptor = isCached ? file.descriptor : descriptorFor(file, requests.writeOpenFlags(view, at));
      const written = treeShim.write(descriptor, bytes, at + requests.WRITE_FIXED_SIZE, size, offset);
      return written < 0 ? written : writeWriteOut(reply.view, reply.body, written);
    },

    LSEEK: ({ view, bodyOffset: at }, reply) => {
      const { descriptor } = files.get(requests.requestHandle(view, at));
      const found = treeShim.seek(descriptor, requests.lseekOffset(view, at), requests.lseekWhence(view, at));
      return found < 0 ? found : writeLseekOut(reply.view, reply.body, found);
    },

    FALLOCATE: ({ view, bodyOffset: at }) => {
      const { descriptor } = files.get(requests.requestHandle(view, at));
      return treeShim.allocate(descriptor, requests.fallocateMode(view, at), requests.fallocateOffset(view, at), requests.fallocateLength(view, at));
    },

    COPY_FILE_RANGE: copy(writeWriteOut),
    COPY_FILE_RANGE_64: copy(writeCopyOut),
    FSYNC: sync,
    FSYNCDIR: sync,
    // Nothing to do when a descriptor is closed: ENOSYS tells the kernel so once and for all.
    FLUSH: () => -ENOSYS,
  };
}
