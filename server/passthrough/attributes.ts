import { limitAttrOut, writeAttrOut } from '../../protocol/fuse/attributes.js';
import * as requests from '../../protocol/fuse/requests.js';
import { SetattrValid as Valid } from '../../protocol/fuse/requests.js';
import { writeStatxOut } from '../../protocol/fuse/statx.js';
import { writeStatfsOut } from '../../protocol/fuse/statfs.js';
import type { OperationTable } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import { constants } from 'node:fs';
import { auditNode } from './audit.js';
import { unshifted } from './caller.js';
import { EFBIG, EPERM, orFail } from './errors.js';
import type { TreeNode } from './node.js';
import { attributeValidity, refusalToChange, type Tree } from './tree.js';
import { treeShim } from './tree-shim.js';

const PERMISSIONS = 0o7777;
const TO_EXECUTE = 0o111;
/* Of utimensat(2), in the place of nanoseconds. */
const NOW = 0x3fffffff;
const OMITTED = 0x3ffffffe;

/** Of a SETATTR that sets nothing: chown(2) to the owner that it has. */
const WITHOUT_CHANGE = Valid.FH | Valid.LOCKOWNER | Valid.KILL_SUIDGID | Valid.CTIME;

/** GETATTR, STATX, SETATTR, READLINK and STATFS. */
export function attributeOperations(tree: Tree): OperationTable {
  const { nodes, files } = tree;
  const statistics = new Float64Array(8);
  const statisticsBytes = new Uint8Array(statistics.buffer);

  const answer = (node: TreeNode, reply: Reply): number => {
    const isWatched = nodes.watcher?.covers(node) === true;
    const length = writeAttrOut(reply.view, reply.body, nodes.facts.read(node.descriptor, node.decision));
    limitAttrOut(reply.view, reply.body, attributeValidity(nodes, isWatched));
    return length;
  };

  /** What a file may not have is kept from it, and what it has and does not show stays. @returns 0, or a negative errno */
  const changeMode = (node: TreeNode, mode: number): number => {
    const hides = node.decision.noExec && nodes.facts.read(node.descriptor, node.decision).isRegular;
    if (hides && (mode & TO_EXECUTE) !== 0) return -EPERM;
    return treeShim.changeMode(node.descriptor, (mode & PERMISSIONS) | (hides ? nodes.facts.realMode & TO_EXECUTE : 0));
  };

  const truncate = (node: TreeNode, size: number, handle: number | undefined): number => {
    if (!Number.isSafeInteger(size)) return -EFBIG;
    if (handle !== undefined) return treeShim.truncate(files.get(handle).descriptor, size);
    const descriptor = orFail(treeShim.reopen(node.descriptor, constants.O_WRONLY), 'opening');
    try {
      return treeShim.truncate(descriptor, size);
    } finally {
      treeShim.close(descriptor);
    }
  };

  const setTimes = (node: TreeNode, view: DataView, at: number, valid: number): number => {
    const access = (valid & Valid.ATIME_NOW) !== 0 ? NOW : (valid & Valid.ATIME) !== 0 ? requests.setattrAccessNanoseconds(view, at) : OMITTED;
    const modification = (valid & Valid.MTIME_NOW) !== 0 ? NOW : (valid & Valid.MTIME) !== 0 ? requests.setattrModificationNanoseconds(view, at) : OMITTED;
    return treeShim.setTimes(node.descriptor, requests.setattrAccessSeconds(view, at), access, requests.setattrModificationSeconds(view, at), modification);
  };

  /** @returns 0, or a negative errno */
  const change = (node: TreeNode, view: DataView, at: number): number => {
    const valid = requests.setattrValid(view, at);
    const { uidShift, gidShift } = node.decision;
    // Also where nobody becomes the owner: that changes a time, and takes set-id bits.
    if ((valid & (Valid.UID | Valid.GID)) !== 0 || (valid & ~WITHOUT_CHANGE) === 0) {
      const uid = (valid & Valid.UID) !== 0 ? unshifted(requests.setattrUid(view, at), uidShift) : -1;
      const gid = (valid & Valid.GID) !== 0 ? unshifted(requests.setattrGid(view, at), gidShift) : -1;
      orFail(treeShim.changeOwner(node.descriptor, uid, gid), 'fchownat');
    }
    if ((valid & Valid.SIZE) !== 0) {
      orFail(truncate(node, requests.setattrSize(view, at), (valid & Valid.FH) !== 0 ? requests.setattrHandle(view, at) : undefined), 'ftruncate');
    }
    if ((valid & Valid.MODE) !== 0) orFail(changeMode(node, requests.setattrMode(view, at)), 'fchmodat');
    if ((valid & (Valid.ATIME | Valid.MTIME)) !== 0) orFail(setTimes(node, view, at, valid), 'utimensat');
    return 0;
  };

  return {
    GETATTR: ({ nodeid }, reply) => answer(nodes.get(nodeid), reply),

    STATX: ({ nodeid }, { view, body }) => {
      const node = nodes.get(nodeid);
      const { descriptor, decision } = node;
      const isWatched = nodes.watcher?.covers(node) === true;
      const length = writeStatxOut(view, body, nodes.facts.readAll(descriptor, decision));
      limitAttrOut(view, body, attributeValidity(nodes, isWatched));
      return length;
    },

    SETATTR: (request, reply) => {
      const { nodeid, view, bodyOffset } = request;
      const node = nodes.get(nodeid);
      const outcome = refusalToChange(node.decision) || change(node, view, bodyOffset);
      auditNode(node, 'change', request, outcome);
      return outcome < 0 ? outcome : answer(node, reply);
    },

    READLINK: ({ nodeid }, reply) => treeShim.readLink(nodes.get(nodeid).descriptor, reply.bytes, reply.body, Math.min(4096, reply.capacity)),

    STATFS: ({ nodeid }, reply) => {
      orFail(treeShim.statfs(nodes.get(nodeid).descriptor, statisticsBytes), 'fstatfs');
      const [blocks = 0, freeBlocks = 0, availableBlocks = 0, fileCount = 0, freeFiles = 0, blockSize = 4096, maximumNameLength = 255] = statistics;
      return writeStatfsOut(reply.view, reply.body, { blocks, freeBlocks, availableBlocks, files: fileCount, freeFiles, blockSize, maximumNameLength });
    },
  };
}
