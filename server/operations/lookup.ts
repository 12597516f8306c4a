import { writeEntryOut, writeNegativeEntryOut } from '../../protocol/fuse/attributes.js';
import { errno } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import { inodeNumber } from '../ext4/units.js';
import type { OperationTable } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import type { Volume } from './volume.js';

const DOT = 0x2e;
const LONGEST_NAME = 255;

/** LOOKUP: a name in a directory; and "." and "..", by which the kernel follows file handles. */
export function lookupOperations(volume: Volume): OperationTable {
  const { directories, nodes } = volume;
  return {
    LOOKUP: ({ nodeid, bytes, nameOffset, nameLength }, reply) => {
      const directory = nodes.get(nodeid);
      if (nameLength === 1 && bytes[nameOffset] === DOT) return writeEntry(volume, directory, reply);
      if (!directory.isDirectory) return -errno.ENOTDIR;
      if (nameLength > LONGEST_NAME) return -errno.ENAMETOOLONG;
      const found = directories.lookup(directory, bytes, nameOffset, nameLength);
      if (found === 0) return writeNegativeEntryOut(reply.view, reply.body);
      return writeEntry(volume, nodes.child(directory, inodeNumber(found)), reply);
    },
  };
}

function writeEntry({ nodes, attributes, lookups }: Volume, inode: Inode, { view, body }: Reply): number {
  const shown = attributes.of(inode);
  lookups.add(inode.number);
  return writeEntryOut(view, body, nodes.nodeidOf(inode.number), inode.generation, shown);
}
