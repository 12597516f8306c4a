import { bmapBlock, bmapBlockSize } from '../../protocol/fuse/requests.js';
import { writeBmapOut } from '../../protocol/fuse/replies.js';
import { errno } from '../ext4/errors.js';
import { LOGICAL_BLOCK_LIMIT, MappedRange, RangeState } from '../ext4/mapping/mapping.js';
import { logicalBlock } from '../ext4/units.js';
import type { OperationTable } from '../session/handler.js';
import { readOperation } from './read.js';
import { seekingWhatIsStored } from './seeking.js';
import type { Volume } from './volume.js';

/** READ, LSEEK, BMAP: the contents of files, and where they are. */
export function fileDataOperations(volume: Volume): OperationTable {
  const { filesystem, nodes } = volume;
  const mapped = new MappedRange();
  return {
    READ: readOperation(volume),

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
