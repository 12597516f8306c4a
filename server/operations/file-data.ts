import { bmapBlock, bmapBlockSize, readOffset, readOpenFlags, readSize } from '../../protocol/fuse/requests.js';
import { writeBmapOut } from '../../protocol/fuse/replies.js';
import { errno } from '../ext4/errors.js';
import { HAS_TO_WAIT } from '../ext4/file-content.js';
import { LOGICAL_BLOCK_LIMIT, MappedRange, RangeState } from '../ext4/mapping/mapping.js';
import { logicalBlock } from '../ext4/units.js';
import { POSTPONED, type OperationTable } from '../session/handler.js';
import { seekingWhatIsStored } from './seeking.js';
import type { Volume } from './volume.js';

/** Larger reads are not postponed: the kernel reads ahead of them. */
const MOST_POSTPONED = 32 * 1024;

/** READ, LSEEK, BMAP: the contents of files, and where they are. */
export function fileDataOperations(volume: Volume): OperationTable {
  const { filesystem, nodes, accessTimes } = volume;
  const mapped = new MappedRange();
  return {
    READ: (request, reply) => {
      const { nodeid, view, bodyOffset } = request;
      const inode = nodes.get(nodeid);
      if (!inode.isRegular) return inode.isDirectory ? -errno.EISDIR : -errno.EINVAL;
      // Without its key an encrypted file can be listed and not read; open(2) would say the same.
      if (inode.hasFlag('ENCRYPT')) return -errno.ENOKEY;
      const offset = readOffset(view, bodyOffset);
      const length = Math.min(readSize(view, bodyOffset), reply.capacity);
      if (!Number.isSafeInteger(offset + length)) return -errno.EINVAL;
      const contents = inode.hasFlag('INLINE_DATA') ? filesystem.inline : filesystem.content;
      // The device can read for this one while others are handled.
      const isPatient = contents === filesystem.content && length <= MOST_POSTPONED && !request.isRepeated && request.othersWait();
      const count = isPatient
        ? filesystem.content.readNow(inode, offset, length, reply.bytes, reply.body)
        : contents.read(inode, offset, length, reply.bytes, reply.body);
      if (count === HAS_TO_WAIT) return POSTPONED;
      accessTimes.accessed(inode, readOpenFlags(view, bodyOffset));
      return count;
    },

    LSEEK: seekingWhatIsStored(volume),

    BMAP: ({ nodeid, view, bodyOffset }, reply) => {
      const inode = nodes.get(nodeid);
      if (!inode.isRegular || inode.hasFlag('INLINE_DATA')) return -errno.EINVAL;
      const unit = bmapBlockSize(view, bodyOffset);
      const position = bmapBlock(view, bodyOffset) * unit;
      const { blockSize } = filesystem.superblock;
      const block = Math.floor(position / blockSize);
      if (unit === 0 || block >= LOGICAL_BLOCK_LIMIT) return -errno.EINVAL;
      filesystem.mapping.map(inode, logicalBlock(block), mapped);
      if (mapped.state !== RangeState.Written) return writeBmapOut(reply.view, reply.body, 0);
      const bytes = mapped.physical * blockSize + (position % blockSize);
      return writeBmapOut(reply.view, reply.body, Math.floor(bytes / unit));
    },
  };
}
