import { readOffset, readOpenFlags, readSize } from '../../protocol/fuse/requests.js';
import { errno } from '../ext4/errors.js';
import { HAS_TO_WAIT, MAY_HAVE_TO_WAIT } from '../ext4/file-content.js';
import type { Inode } from '../ext4/inode.js';
import type { DataThreads } from '../session/filesystem.js';
import { DEFERRED, type Handler } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import type { Request } from '../session/request.js';
import type { Volume } from './volume.js';

/** Of these the copying alone takes longer than having it done. */
const LARGE = 128 * 1024;

/**
 * READ. What is in the machine's cache, and what a quick device has for the only one who waits, is read here; what else
 * has to be waited for, and what is large, data threads read, and answer.
 */
export function readOperation({ filesystem, nodes, accessTimes, dataThreads }: Volume): Handler {
  const { content, inline } = filesystem;

  /** @returns bytes filled in; HAS_TO_WAIT or MAY_HAVE_TO_WAIT where somebody else had better */
  const readSmall = (inode: Inode, offset: number, length: number, request: Request, { bytes, body }: Reply, threads: DataThreads): number => {
    if (!threads.isQuick || request.othersWait()) return content.readNow(inode, offset, length, bytes, body);
    const began = performance.now();
    const count = content.read(inode, offset, length, bytes, body);
    threads.waited(performance.now() - began);
    return count;
  };

  /** @returns bytes filled in, or DEFERRED */
  const read = (inode: Inode, offset: number, length: number, request: Request, reply: Reply): number => {
    if (inode.hasFlag('INLINE_DATA')) return inline.read(inode, offset, length, reply.bytes, reply.body);
    if (dataThreads !== undefined) {
      const count = length < LARGE ? readSmall(inode, offset, length, request, reply, dataThreads) : MAY_HAVE_TO_WAIT;
      if (count >= 0) return count;
      const located = content.locate(inode, offset, length, dataThreads.ranges);
      if (located > 0 && dataThreads.answerRead(request, located, count === HAS_TO_WAIT)) return DEFERRED;
    }
    return content.read(inode, offset, length, reply.bytes, reply.body);
  };

  return (request, reply) => {
    const { nodeid, view, bodyOffset } = request;
    const inode = nodes.get(nodeid);
    if (!inode.isRegular) return inode.isDirectory ? -errno.EISDIR : -errno.EINVAL;
    // Without its key an encrypted file can be listed and not read; open(2) would say the same.
    if (inode.hasFlag('ENCRYPT')) return -errno.ENOKEY;
    const offset = readOffset(view, bodyOffset);
    const length = Math.min(readSize(view, bodyOffset), reply.capacity);
    if (!Number.isSafeInteger(offset + length)) return -errno.EINVAL;
    const outcome = read(inode, offset, length, request, reply);
    accessTimes.accessed(inode, readOpenFlags(view, bodyOffset));
    return outcome;
  };
}
