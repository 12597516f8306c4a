import { constants } from 'node:fs';
import * as requests from '../../protocol/fuse/requests.js';
import { WriteFlags } from '../../protocol/fuse/requests.js';
import { writeWriteOut } from '../../protocol/fuse/replies.js';
import type { Handler } from '../session/handler.js';
import type { Request } from '../session/request.js';
import type { WritableVolume } from './writable-volume.js';

/**
 * So many writes wait at a time. The kernel has a number of requests that may be under way (max_background), among them
 * the reading that these wait for: the rest has to be answered at once.
 */
const MOST_WAITING = 8;

/** READ that notes whose contents the kernel caches. */
export const notingCachedReads = ({ cachedReads }: WritableVolume, read: Handler): Handler => (request, reply) => {
  const { nodeid, view, bodyOffset } = request;
  if ((requests.readOpenFlags(view, bodyOffset) & constants.O_DIRECT) === 0) cachedReads.add(nodeid);
  return read(request, reply);
};

/**
 * WRITE past the kernel's cache: only that names the lock owner. All others have pages of the file locked, and who
 * wants these out of the cache before the answer waits for ever.
 */
const passesCache = ({ view, bodyOffset }: Request): boolean =>
  (requests.writeFlags(view, bodyOffset) & (WriteFlags.LOCKOWNER | WriteFlags.CACHE)) === WriteFlags.LOCKOWNER;

/**
 * WRITE after which nobody reads from the cache what was there before. The kernel empties it before a direct write;
 * what is read into it meanwhile is out of date, and where the write is asynchronous stays there (fs/fuse/file.c,
 * fuse_aio_complete()). So where the file is read like that, the range leaves the cache before the answer.
 * @param writeNow does all of it itself
 */
export function leavingNothingStale({ writebacks, cachedReads }: WritableVolume, write: Handler, writeNow: Handler): Handler {
  return (request, reply) => {
    const { nodeid, view, bodyOffset } = request;
    const size = requests.writeSize(view, bodyOffset);
    if (writebacks.isDone(request)) return writeWriteOut(reply.view, reply.body, size);
    if (!passesCache(request) || !cachedReads.has(nodeid) || writebacks.count >= MOST_WAITING) return write(request, reply);
    const outcome = writeNow(request, reply);
    if (outcome < 0) return outcome;
    const offset = requests.writeOffset(view, bodyOffset);
    return writebacks.waitForAnswer(request, requests.WRITE_FIXED_SIZE, offset, offset + size);
  };
}
