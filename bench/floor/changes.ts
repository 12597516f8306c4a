/** What changes a filesystem: taken for done, and forgotten. */
import { writeAttrOut, writeEntryOut } from '../../protocol/fuse/attributes.js';
import { writeOpenOut, writeWriteOut } from '../../protocol/fuse/replies.js';
import { writeSize } from '../../protocol/fuse/requests.js';
import type { Handler, OperationTable } from '../../server/session/handler.js';
import { DIRECTORY, FILE, LINK, numberOf, type FloorAttributes, type Kind } from './attributes.js';

const done = (): number => 0;

export function changes(attributes: FloorAttributes): OperationTable {
  const make = (kind: Kind): Handler => ({ bytes, nameOffset, nameLength }, reply) => {
    const nodeid = numberOf(bytes, nameOffset, nameLength, kind);
    return writeEntryOut(reply.view, reply.body, nodeid, 0, attributes.become(nodeid));
  };
  const makeFile = make(FILE);
  return {
    CREATE: (request, reply) => {
      const length = makeFile(request, reply);
      return length + writeOpenOut(reply.view, reply.body + length, 0);
    },
    MKNOD: makeFile,
    LINK: makeFile,
    MKDIR: make(DIRECTORY),
    SYMLINK: make(LINK),
    UNLINK: done,
    RMDIR: done,
    RENAME: done,
    RENAME2: done,
    SETATTR: (request, reply) => writeAttrOut(reply.view, reply.body, attributes.become(request.nodeid)),
    SETXATTR: done,
    REMOVEXATTR: done,
    WRITE: ({ view, bodyOffset }, reply) => writeWriteOut(reply.view, reply.body, writeSize(view, bodyOffset)),
    FSYNC: done,
    FSYNCDIR: done,
    SYNCFS: done,
    RELEASE: done,
  };
}
