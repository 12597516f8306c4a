import { writeLseekOut } from '../../protocol/fuse/replies.js';
import { lseekOffset, lseekWhence, SEEK_DATA, SEEK_HOLE } from '../../protocol/fuse/requests.js';
import { errno } from '../ext4/errors.js';
import { NOT_FOUND } from '../ext4/file-content.js';
import type { Inode } from '../ext4/inode.js';
import type { Handler } from '../session/handler.js';
import type { Volume } from './volume.js';
import type { WritableVolume } from './writable-volume.js';

/** LSEEK where the server has all that there is: on a read-only mount. */
export const seekingWhatIsStored = (volume: Volume): Handler => (request, reply) => {
  const { nodeid, view, bodyOffset } = request;
  const inode = volume.nodes.get(nodeid);
  const whence = lseekWhence(view, bodyOffset);
  const offset = lseekOffset(view, bodyOffset);
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return -errno.EINVAL;
  // The kernel sends any offset, however far before the beginning or behind the end.
  if (!Number.isSafeInteger(offset) || offset < 0 || offset >= inode.size) return -errno.ENXIO;
  const found = seek(volume, inode, offset, whence);
  return found === NOT_FOUND ? -errno.ENXIO : writeLseekOut(reply.view, reply.body, found);
};

/**
 * LSEEK where the kernel caches what is written. It asks without writing that back: what is data here
 * stays data, but a hole, and all that lies behind the end, may be filled by now. So the kernel is
 * first made to write back what it has of the hole that the answer depends on. Meanwhile it holds the
 * inode's lock: nothing but a mapping can change the file.
 */
export const seekingWhatIsCached = (volume: WritableVolume): Handler => {
  const stored = seekingWhatIsStored(volume);
  return (request, reply) => {
    const { writebacks } = volume;
    if (!writebacks.possible) return -errno.ENOSYS;
    const writtenTo = writebacks.takeWrittenTo();
    const { nodeid, view, bodyOffset } = request;
    const inode = volume.nodes.get(nodeid);
    const whence = lseekWhence(view, bodyOffset);
    const offset = lseekOffset(view, bodyOffset);
    if ((whence !== SEEK_DATA && whence !== SEEK_HOLE) || !Number.isSafeInteger(offset) || offset < 0) return stored(request, reply);
    const hole = offset < inode.size ? seek(volume, inode, offset, SEEK_HOLE) : offset;
    // Where data is asked for and found at once, no hole matters.
    if (whence === SEEK_DATA && hole > offset) return stored(request, reply);
    if (hole < writtenTo) return stored(request, reply);
    const data = hole < inode.size ? seek(volume, inode, hole, SEEK_DATA) : NOT_FOUND;
    return writebacks.wait(request, hole, data === NOT_FOUND ? Infinity : data);
  };
};

/** Directories, and files that the inode itself holds, are data from one end to the other. */
function seek({ filesystem }: Volume, inode: Inode, offset: number, whence: number): number {
  if (!inode.isRegular || inode.hasFlag('INLINE_DATA')) return whence === SEEK_DATA ? offset : inode.size;
  return filesystem.content.seek(inode, offset, whence === SEEK_DATA ? 'data' : 'hole');
}
