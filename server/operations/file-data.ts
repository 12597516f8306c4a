import { bmapBlock, bmapBlockSize, lseekOffset, lseekWhence, readOffset, readSize, SEEK_DATA, SEEK_HOLE } from '../../protocol/fuse/requests.js';
import { writeBmapOut, writeLseekOut } from '../../protocol/fuse/replies.js';
import { errno } from '../ext4/errors.js';
import { NOT_FOUND } from '../ext4/file-content.js';
import type { Inode } from '../ext4/inode.js';
import { LOGICAL_BLOCK_LIMIT, MappedRange, RangeState } from '../ext4/mapping/mapping.js';
import { logicalBlock } from '../ext4/units.js';
import type { OperationTable } from '../session/handler.js';
import type { Volume } from './volume.js';

/** READ, LSEEK, BMAP: the contents of files, and where they are. */
export function fileDataOperations(volume: Volume): OperationTable {
  const { filesystem, nodes } = volume;
  const mapped = new MappedRange();
  return {
    READ: ({ nodeid, view, bodyOffset }, reply) => {
      const inode = nodes.get(nodeid);
      if (!inode.isRegular) return inode.isDirectory ? -errno.EISDIR : -errno.EINVAL;
      // Without its key an encrypted file can be listed and not read; open(2) would say the same.
      if (inode.hasFlag('ENCRYPT')) return -errno.ENOKEY;
      const offset = readOffset(view, bodyOffset);
      const length = Math.min(readSize(view, bodyOffset), reply.capacity);
      if (!Number.isSafeInteger(offset + length)) return -errno.EINVAL;
      const contents = inode.hasFlag('INLINE_DATA') ? filesystem.inline : filesystem.content;
      return contents.read(inode, offset, length, reply.bytes, reply.body);
    },

    LSEEK: ({ nodeid, view, bodyOffset }, reply) => {
      const inode = nodes.get(nodeid);
      const whence = lseekWhence(view, bodyOffset);
      const offset = lseekOffset(view, bodyOffset);
      if ((whence !== SEEK_DATA && whence !== SEEK_HOLE) || !Number.isSafeInteger(offset)) return -errno.EINVAL;
      if (offset < 0 || offset >= inode.size) return -errno.ENXIO;
      const found = seek(volume, inode, offset, whence);
      return found === NOT_FOUND ? -errno.ENXIO : writeLseekOut(reply.view, reply.body, found);
    },

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

/** Directories, and files that the inode itself holds, are data from one end to the other. */
function seek({ filesystem }: Volume, inode: Inode, offset: number, whence: number): number {
  if (!inode.isRegular || inode.hasFlag('INLINE_DATA')) return whence === SEEK_DATA ? offset : inode.size;
  return filesystem.content.seek(inode, offset, whence === SEEK_DATA ? 'data' : 'hole');
}
