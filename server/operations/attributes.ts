import { writeAttrOut } from '../../protocol/fuse/attributes.js';
import { writeStatxOut } from '../../protocol/fuse/statx.js';
import type { OperationTable } from '../session/handler.js';
import type { Volume } from './volume.js';

/** GETATTR and STATX: what stat(2) and statx(2) show. */
export function attributeOperations({ nodes, attributes }: Volume): OperationTable {
  return {
    GETATTR: ({ nodeid }, reply) => writeAttrOut(reply.view, reply.body, attributes.of(nodes.get(nodeid))),
    STATX: ({ nodeid }, reply) => writeStatxOut(reply.view, reply.body, attributes.of(nodes.get(nodeid))),
  };
}
