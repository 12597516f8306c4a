import { ENTRY_OUT_SIZE, writeEntryOut } from '../../protocol/fuse/attributes.js';
import { direntPlusSize, direntSize, writeDirent } from '../../protocol/fuse/directory-entry.js';
import { readOffset, readSize } from '../../protocol/fuse/requests.js';
import type { Handler } from '../../server/session/handler.js';
import { FILE, numberOf, ROOT, type FloorAttributes } from './attributes.js';

const names = Array.from({ length: 200 }, (_, index) => Buffer.from(`file-${index}`));
const REGULAR = 8;

/** Each directory has the same names; the root shows none. */
export const listing = (attributes: FloorAttributes, withAttributes: boolean): Handler => (request, reply) => {
  if (request.nodeid === ROOT) return 0;
  const end = reply.body + Math.min(readSize(request.view, request.bodyOffset), reply.capacity);
  let at = reply.body;
  for (let index = readOffset(request.view, request.bodyOffset); index < names.length; index++) {
    const name = names[index];
    if (name === undefined || at + (withAttributes ? direntPlusSize(name.length) : direntSize(name.length)) > end) break;
    const nodeid = numberOf(name, 0, name.length, FILE);
    if (withAttributes) {
      writeEntryOut(reply.view, at, nodeid, 0, attributes.become(nodeid));
      at += ENTRY_OUT_SIZE;
    }
    at += writeDirent(reply.view, reply.bytes, at, nodeid, index + 1, REGULAR, name, 0, name.length);
  }
  return at - reply.body;
};
