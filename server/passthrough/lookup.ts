import { limitEntryOut, writeEntryOut } from '../../protocol/fuse/attributes.js';
import { BATCH_FORGET_ENTRY_SIZE, BATCH_FORGET_FIXED_SIZE, batchForgetCount, forgetLookups } from '../../protocol/fuse/requests.js';
import { readU64 } from '../../protocol/fuse/word64.js';
import { NO_REPLY, type OperationTable } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import { EACCES } from './errors.js';
import { firstName } from './names.js';
import type { TreeNode } from './node.js';
import { VALIDITY, type Tree } from './tree.js';

/** A node and what `nodes.facts` says, for a limited time. @returns the length written */
export function writeNode({ nodes }: Tree, { view }: Reply, at: number, { nodeid }: TreeNode): number {
  const length = writeEntryOut(view, at, nodeid, 0, nodes.facts);
  limitEntryOut(view, at, VALIDITY);
  return length;
}

/** LOOKUP, and what ends it. */
export function lookupOperations(tree: Tree): OperationTable {
  const { nodes } = tree;
  return {
    LOOKUP: (request, reply) => {
      const directory = nodes.get(request.nodeid);
      if (directory.decision.denied) return -EACCES;
      return writeNode(tree, reply, reply.body, nodes.find(directory, request.bytes, request.nameOffset, firstName(request)));
    },

    FORGET: ({ nodeid, view, bodyOffset }) => {
      nodes.forget(nodeid, forgetLookups(view, bodyOffset));
      return NO_REPLY;
    },

    BATCH_FORGET: ({ view, bodyOffset, bodyLength }) => {
      const most = Math.floor((bodyLength - BATCH_FORGET_FIXED_SIZE) / BATCH_FORGET_ENTRY_SIZE);
      const count = Math.min(batchForgetCount(view, bodyOffset), most);
      for (let index = 0; index < count; index++) {
        const at = bodyOffset + BATCH_FORGET_FIXED_SIZE + index * BATCH_FORGET_ENTRY_SIZE;
        nodes.forget(readU64(view, at), readU64(view, at + 8));
      }
      return NO_REPLY;
    },
  };
}
