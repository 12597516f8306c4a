import { limitEntryOut, writeEntryOut, writeNegativeEntryOut } from '../../protocol/fuse/attributes.js';
import { eachForgotten, forgetLookups } from '../../protocol/fuse/requests.js';
import { NO_REPLY, type OperationTable } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import { EACCES, ENOENT, TreeError } from './errors.js';
import { firstName } from './names.js';
import type { TreeNode } from './node.js';
import { attributeValidity, nameValidity, type Tree } from './tree.js';

/**
 * A node and what `nodes.facts` says, for a limited time.
 * @param isNameWatched since before the name was looked for
 * @returns the length written
 */
export function writeNode({ nodes }: Tree, { view }: Reply, at: number, node: TreeNode, isNameWatched = false): number {
  const wasWatched = node.isWatched;
  const isWatched = nodes.watcher?.covers(node) === true;
  if (isWatched && !wasWatched) nodes.facts.read(node.descriptor, node.decision);
  const length = writeEntryOut(view, at, node.nodeid, 0, nodes.facts);
  limitEntryOut(view, at, nameValidity(isNameWatched), attributeValidity(nodes, isWatched));
  return length;
}

/** The kernel is told when somebody makes it. @returns the length written */
function writeAbsent({ view }: Reply, at: number): number {
  const length = writeNegativeEntryOut(view, at);
  limitEntryOut(view, at, nameValidity(true), 0);
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
      const isWatched = nodes.watcher?.covers(directory) === true;
      try {
        return writeNode(tree, reply, reply.body, nodes.find(directory, request.bytes, request.nameOffset, firstName(request)), isWatched);
      } catch (error) {
        if (isWatched && error instanceof TreeError && error.errno === ENOENT) return writeAbsent(reply, reply.body);
        throw error;
      }
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
