import { errno } from '../ext4/errors.js';
import type { OperationTable } from '../session/handler.js';
import type { Volume } from './volume.js';

/** The kernel takes no longer target (fuse_readlink_folio()). */
const LONGEST_TARGET = 4095;

/** READLINK. */
export function symbolicLinkOperations({ links, nodes, accessTimes }: Volume): OperationTable {
  return {
    READLINK: ({ nodeid }, reply) => {
      const inode = nodes.get(nodeid);
      if (!inode.isSymlink) return -errno.EINVAL;
      const length = Math.min(links.read(inode, reply.bytes, reply.body), LONGEST_TARGET);
      accessTimes.accessed(inode, 0);
      return length;
    },
  };
}
