import { constants } from 'node:fs';
import { OpenReplyFlag, writeOpenedOut } from '../../protocol/fuse/replies.js';
import { openFlags, requestHandle } from '../../protocol/fuse/requests.js';
import type { OperationTable } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import type { Request } from '../session/request.js';
import { auditNode } from './audit.js';
import { EACCES, EROFS, orFail, TreeError } from './errors.js';
import { isRegular, pathOf, type TreeNode } from './node.js';
import type { Tree } from './tree.js';
import { treeShim } from './tree-shim.js';

const { O_ACCMODE, O_RDONLY, O_RDWR, O_APPEND, O_DIRECT, O_DIRECTORY, O_DSYNC, O_SYNC, O_NOATIME, O_TRUNC } = { O_ACCMODE: 3, ...constants };

/** What counts for the server's own descriptor, too. */
const OWN_FLAGS = O_ACCMODE | O_APPEND | O_DSYNC | O_SYNC | O_NOATIME;

const NONE = -1;

/** What may be asked of an open file with such flags. */
export const writes = (flags: number): boolean => (flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0;

/** OPEN, OPENDIR and what ends them. */
export function openingOperations(tree: Tree): OperationTable {
  const { nodes, files } = tree;

  const open = (reply: Reply, node: TreeNode, flags: number): number => {
    if (node.decision.denied) return -EACCES;
    if (node.decision.readOnly && writes(flags)) return -EROFS;
    const gone = node.parent === undefined ? 0 : treeShim.isInTree(node.parent.descriptor);
    if (gone < 0) return gone;
    return writeOpened(tree, reply, reply.body, node, flags);
  };

  const close = ({ view, bodyOffset }: Request): number => {
    const file = files.remove(requestHandle(view, bodyOffset));
    if (file === undefined) return 0;
    const { node, descriptor, direct, isBacked } = file;
    if (isBacked) releaseBacking(tree, node);
    else {
      node.cachedOpens--;
      treeShim.close(descriptor);
      if (direct >= 0) treeShim.close(direct);
    }
    return 0;
  };

  return {
    OPEN: (request, reply) => {
      const node = nodes.get(request.nodeid);
      const flags = openFlags(request.view, request.bodyOffset);
      const outcome = open(reply, node, flags);
      auditNode(node, 'open', request, outcome, flags);
      return outcome;
    },

    OPENDIR: (request, reply) => {
      const node = nodes.get(request.nodeid);
      const outcome = node.decision.denied ? -EACCES : treeShim.isInTree(node.descriptor) || treeShim.reopen(node.descriptor, O_RDONLY | O_DIRECTORY);
      auditNode(node, 'open', request, outcome, O_DIRECTORY);
      if (outcome < 0) return outcome;
      node.cachedOpens++;
      return writeOpenedOut(reply.view, reply.body, files.add({ node, descriptor: outcome, direct: NONE, isBacked: false }), 0, 0);
    },

    RELEASE: close,
    RELEASEDIR: close,
  };
}

/**
 * Opens a file for the kernel: for it to read and write itself, where it may and all who have the file open do so.
 * @param created a descriptor for reading and writing that is there already; taken, or closed
 * @returns the length written
 * @throws TreeError
 */
export function writeOpened(tree: Tree, { view }: Reply, at: number, node: TreeNode, flags: number, created = -1): number {
  const { nodes, files } = tree;
  const backing = backingOf(tree, node, created);
  if (backing !== undefined) {
    backing.opens++;
    if (writes(flags)) {
      nodes.watcher?.pause(node);
      backing.isWritten = true;
    }
    return writeOpenedOut(view, at, files.add({ node, descriptor: backing.descriptor, direct: NONE, isBacked: true }), OpenReplyFlag.PASSTHROUGH, backing.id);
  }
  const descriptor = created >= 0 ? created : orFail(treeShim.reopen(node.descriptor, flags & OWN_FLAGS), 'opening');
  node.cachedOpens++;
  // Beside the other: the kernel reads and writes the pages of a mapped file by whatever file it finds open, and the last page is not whole.
  const direct = (flags & O_DIRECT) === 0 ? NONE : Math.max(NONE, treeShim.reopen(node.descriptor, (flags & OWN_FLAGS) | O_DIRECT));
  return writeOpenedOut(view, at, files.add({ node, descriptor, direct, isBacked: false }), 0, 0);
}

/** What a file is registered as, for which the descriptor is open as the registrar asks for; undefined where it cannot be. */
function backingOf({ registrar, readOnly }: Tree, node: TreeNode, created: number): TreeNode['backing'] {
  if (node.backing !== undefined) {
    if (created >= 0) treeShim.close(created);
    return node.backing;
  }
  if (registrar === undefined || node.cachedOpens > 0 || node.decision.readOnly || !isRegular(node)) return undefined;
  const descriptor = created >= 0 ? created : treeShim.reopen(node.descriptor, readOnly ? O_RDONLY : O_RDWR);
  if (descriptor < 0) return undefined;
  const id = registrar.register(descriptor, currentPath(node));
  if (id !== undefined) {
    node.backing = { id, descriptor, opens: 0, isWritten: false };
    return node.backing;
  }
  if (created < 0) treeShim.close(descriptor);
  return undefined;
}

function currentPath(node: TreeNode): string {
  try {
    return pathOf(node);
  } catch (error) {
    if (error instanceof TreeError) return '';
    throw error;
  }
}

/** The kernel keeps what is registered as long as a file is open; forgotten, it cannot be used for another. */
function releaseBacking({ registrar }: Tree, node: TreeNode): void {
  const { backing } = node;
  if (backing === undefined || --backing.opens > 0) return;
  registrar?.forget(backing.id);
  treeShim.close(backing.descriptor);
  node.backing = undefined;
}
