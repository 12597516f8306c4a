import {
  completionError, CompletionFlag, completionFlags, completionInode, completionPosition, completionWritten, writeIomapCompletionOut,
} from '../../../protocol/fuse/iomap.js';
import { errno } from '../../ext4/errors.js';
import type { Handler } from '../../session/handler.js';
import type { WritableVolume } from '../writable-volume.js';
import type { KernelData } from './kernel-data.js';

/**
 * IOMAP_IOEND: data has come to the device, or not. Only now is it contents, and the file as long as
 * that: a crash before shows what was there before, or zeros.
 */
export function completionOperation({ nodes, writable, staleAttributes }: WritableVolume, data: KernelData): Handler {
  return ({ nodeid, view, bodyOffset: at }, reply) => {
    const flags = completionFlags(view, at);
    const error = completionError(view, at);
    const inode = nodes.get(nodeid);
    if (completionInode(view, at) !== inode.number || !inode.isRegular) return -errno.EINVAL;
    data.counters.completions++;
    if ((flags & CompletionFlag.SWAPOFF) !== 0) {
      data.swapFiles.delete(inode.number);
      return writeIomapCompletionOut(reply.view, reply.body, inode.size);
    }
    // What was reserved stays so, and reads as zeros.
    if (error !== 0) return error < 0 && error > -512 ? error : -errno.EIO;
    if ((flags & CompletionFlag.SHARED) !== 0) return -errno.EUCLEAN;
    const position = completionPosition(view, at);
    const written = completionWritten(view, at);
    if (!Number.isSafeInteger(position + written) || position + written > writable.writer.maxSize(inode)) return -errno.EFBIG;
    const wasReserved = (flags & CompletionFlag.UNWRITTEN) !== 0;
    // The next commit has to find the data on stable storage, whether or not it changes anything here.
    if (written > 0) writable.writer.unflushed = true;
    if (written > 0 && (wasReserved || position + written > inode.size)) {
      // It has no block where that could be.
      if (inode.hasFlag('INLINE_DATA')) return -errno.EIO;
      const { sectors } = inode;
      writable.space.callerIsPrivileged = true;
      writable.change(() => writable.externalData.complete(inode, position, written, wasReserved));
      // The kernel forgets what was written; the rest of such a block it must not take for unwritten, and put zeros there next time.
      if (wasReserved && (flags & CompletionFlag.DIRECT) !== 0 && (position % data.blockSize !== 0 || written % data.blockSize !== 0)) data.forgetMappings(nodeid, inode.number, position, position + written);
      if (inode.sectors !== sectors) staleAttributes.add(nodeid);
    }
    return writeIomapCompletionOut(reply.view, reply.body, inode.size);
  };
}
