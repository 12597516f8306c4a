import { constants } from 'node:fs';
import * as requests from '../../protocol/fuse/requests.js';
import type { OperationTable } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import type { Request } from '../session/request.js';
import { auditName } from './audit.js';
import { onBehalfOf } from './caller.js';
import { EACCES, EEXIST, EROFS, EXDEV, orFail } from './errors.js';
import { writeNode } from './lookup.js';
import { firstName } from './names.js';
import { isRegular, type TreeNode } from './node.js';
import { writeOpened, writes } from './opening.js';
import { same, type Decision } from './policy.js';
import { refusalToChange, refusalToMake, type Tree } from './tree.js';
import { treeShim } from './tree-shim.js';

const { O_CREAT, O_EXCL, O_RDWR, O_APPEND, O_DSYNC, O_SYNC } = constants;
const PERMISSIONS = 0o7777;

/** MKNOD, MKDIR, SYMLINK, LINK, CREATE and TMPFILE: everything that makes an inode or gives one a name. */
export function creationOperations(tree: Tree): OperationTable {
  const { nodes } = tree;

  /** @param make with the directory, on behalf of the caller; returns 0 or a negative errno */
  const making = (request: Request, reply: Reply, umask: number, make: (directory: TreeNode) => number): number => {
    const directory = nodes.get(request.nodeid);
    const name = firstName(request);
    const decision = nodes.decide(directory, name);
    const outcome = refusalToMake(directory.decision, decision) || onBehalfOf(request, umask, decision, () => make(directory));
    auditName(directory, name, decision, 'create', request, outcome);
    return outcome < 0 ? outcome : writeNode(tree, reply, reply.body, nodes.find(directory, request.bytes, request.nameOffset, name));
  };

  /** The descriptor of a file that was not there before, or a negative errno. */
  const makeOpen = (request: Request, directory: TreeNode, decision: Decision, flags: number, mode: number): number =>
    onBehalfOf(request, requests.createUmask(request.view, request.bodyOffset), decision, () =>
      treeShim.openBelow(directory.descriptor, request.bytes, request.nameOffset, O_CREAT | O_EXCL | O_RDWR | (flags & (O_APPEND | O_DSYNC | O_SYNC)), mode));

  const answerOpened = (reply: Reply, node: TreeNode, flags: number, created: number): number => {
    const length = writeNode(tree, reply, reply.body, node);
    return length + writeOpened(tree, reply, reply.body + length, node, flags, created);
  };

  /** The name was there, and its being there is no error; but what it is now need not be what it was. */
  const openExisting = (request: Request, reply: Reply, directory: TreeNode, flags: number): number => {
    const node = nodes.find(directory, request.bytes, request.nameOffset, firstName(request));
    const { denied, readOnly } = node.decision;
    const refused = denied ? -EACCES : readOnly && writes(flags) ? -EROFS : isRegular(node) ? 0 : -EEXIST;
    if (refused === 0) return answerOpened(reply, node, flags, -1);
    nodes.forget(node.nodeid, 1);
    return refused;
  };

  const create = (request: Request, reply: Reply, directory: TreeNode, name: string, decision: Decision): number => {
    const { view, bodyOffset: at } = request;
    const flags = requests.createFlags(view, at);
    const refused = refusalToMake(directory.decision, decision);
    if (refused !== 0) return refused;
    const created = makeOpen(request, directory, decision, flags, requests.createMode(view, at) & PERMISSIONS);
    if (created === -EEXIST && (flags & O_EXCL) === 0) return openExisting(request, reply, directory, flags);
    if (created < 0) return created;
    return answerOpened(reply, nodes.ofOpened(created, directory, name, decision), flags, created);
  };

  return {
    MKNOD: (request, reply) => {
      const { view, bytes, bodyOffset: at, nameOffset } = request;
      return making(request, reply, requests.mknodUmask(view, at), ({ descriptor }) =>
        treeShim.makeNode(descriptor, bytes, nameOffset, requests.mknodMode(view, at), requests.mknodDevice(view, at)));
    },

    MKDIR: (request, reply) => {
      const { view, bytes, bodyOffset: at, nameOffset } = request;
      return making(request, reply, requests.mkdirUmask(view, at), ({ descriptor }) =>
        treeShim.makeDirectory(descriptor, bytes, nameOffset, requests.mkdirMode(view, at) & PERMISSIONS));
    },

    SYMLINK: (request, reply) =>
      making(request, reply, 0, ({ descriptor }) => treeShim.makeSymlink(descriptor, request.bytes, request.nameOffset, request.secondNameOffset)),

    LINK: (request, reply) => {
      const node = nodes.get(requests.linkTarget(request.view, request.bodyOffset));
      const directory = nodes.get(request.nodeid);
      const name = firstName(request);
      const decision = nodes.decide(directory, name);
      const refused = refusalToChange(node.decision) || refusalToMake(directory.decision, decision) || (same(node.decision, decision) ? 0 : -EXDEV);
      const outcome = refused || treeShim.link(node.descriptor, directory.descriptor, request.bytes, request.nameOffset);
      auditName(directory, name, decision, 'link', request, outcome);
      return outcome < 0 ? outcome : writeNode(tree, reply, reply.body, nodes.find(directory, request.bytes, request.nameOffset, name));
    },

    CREATE: (request, reply) => {
      const directory = nodes.get(request.nodeid);
      const name = firstName(request);
      const decision = nodes.decide(directory, name);
      const outcome = create(request, reply, directory, name, decision);
      auditName(directory, name, decision, 'create', request, outcome);
      return outcome;
    },

    TMPFILE: (request, reply) => {
      const { view, bodyOffset: at } = request;
      const directory = nodes.get(request.nodeid);
      const { decision } = directory;
      const refused = refusalToChange(decision);
      if (refused !== 0) return refused;
      const flags = requests.createFlags(view, at);
      const created = orFail(onBehalfOf(request, requests.createUmask(view, at), decision, () =>
        treeShim.openUnnamed(directory.descriptor, O_RDWR | (flags & (O_APPEND | O_EXCL)), requests.createMode(view, at) & PERMISSIONS)), 'openat2');
      return answerOpened(reply, nodes.ofOpened(created, directory, firstName(request), decision), flags, created);
    },
  };
}
