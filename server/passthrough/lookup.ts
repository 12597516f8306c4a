import { limitEntryOut, writeEntryOut } from '../../protocol/fuse/attributes.js';
import { eachForgotten, forgetLookups } from '../../protocol/fuse/requests.js';
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
  const forget = (nodeid: number, lookups: number): void => {
    nodes.forget(nodeid, lookups);
  };
  return {
    LOOKUP: (request, reply) => {
      const directory = nodes.get(request.nodeid);
      if (directory.decision.denied) return -EACCES;
      return writeNode(tree, reply, reply.body, nodes.find(directory, request.bytes, request.nameOffset, firstName(request)));
    },

    FORGET: ({ nodeid, view, bodyOffset }) => {
      forget(nodeid, forgetLookups(view, bodyOffset));
      return NO_REPLY;
    },

    BATCH_FORGET: ({ view, bodyOffset, bodyLength }) => {
      eachForgotten(view, bodyOffset, bodyLength, forget);
      return NO_REPLY;
    },
  };
}
