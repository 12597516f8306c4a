import { getxattrSize, SetxattrFlag, setxattrExtraFlags, setxattrFlags, setxattrSize } from '../../protocol/fuse/requests.js';
import { writeXattrSizeOut } from '../../protocol/fuse/replies.js';
import type { OperationTable } from '../session/handler.js';
import type { Request } from '../session/request.js';
import { auditNode } from './audit.js';
import { EINVAL, ENODATA, EOPNOTSUPP, orFail } from './errors.js';
import { firstName } from './names.js';
import type { TreeNode } from './node.js';
import type { Decision } from './policy.js';
import { refusalToChange, type Tree } from './tree.js';
import { treeShim } from './tree-shim.js';

const ACL = 'system.posix_acl_';
const SETGID = 0o2000;
const PERMISSIONS = 0o7777;
const SETXATTR_FIXED_SIZE = 16;

/** ACLs name users as the tree has them, which are not those that a shift shows. */
const isUntranslated = ({ uidShift, gidShift }: Decision, name: string): boolean =>
  (uidShift !== 0 || gidShift !== 0) && name.startsWith(ACL);

/** GETXATTR, LISTXATTR, SETXATTR and REMOVEXATTR. A size of 0 asks how much room is needed. */
export function extendedAttributeOperations({ nodes }: Tree): OperationTable {
  const changing = (request: Request, change: (node: TreeNode) => number): number => {
    const node = nodes.get(request.nodeid);
    const outcome = isUntranslated(node.decision, firstName(request)) ? -EOPNOTSUPP : refusalToChange(node.decision) || change(node);
    auditNode(node, 'change', request, outcome);
    return outcome;
  };

  const dropSetgid = (node: TreeNode): void => {
    const { realMode } = nodes.facts.read(node.descriptor, node.decision);
    if ((realMode & SETGID) !== 0) orFail(treeShim.changeMode(node.descriptor, realMode & PERMISSIONS & ~SETGID), 'fchmodat');
  };

  return {
    GETXATTR: (request, reply) => {
      const { nodeid, view, bytes, bodyOffset, nameOffset } = request;
      const node = nodes.get(nodeid);
      const name = firstName(request);
      if (isUntranslated(node.decision, name)) return -ENODATA;
      const room = getxattrSize(view, bodyOffset);
      const size = treeShim.getAttribute(node.descriptor, bytes, nameOffset, reply.bytes, reply.body, Math.min(room, reply.capacity));
      // Where there are no ACLs the kernel has to hear that there is none.
      if (size === -EOPNOTSUPP && name.startsWith(ACL)) return -ENODATA;
      return room > 0 || size < 0 ? size : writeXattrSizeOut(reply.view, reply.body, size);
    },

    LISTXATTR: ({ nodeid, view, bodyOffset }, reply) => {
      const room = getxattrSize(view, bodyOffset);
      const size = treeShim.listAttributes(nodes.get(nodeid).descriptor, reply.bytes, reply.body, Math.min(room, reply.capacity));
      return room > 0 || size < 0 ? size : writeXattrSizeOut(reply.view, reply.body, size);
    },

    SETXATTR: (request) =>
      changing(request, (node) => {
        const { view, bytes, bodyOffset, bodyLength, nameOffset, nameLength } = request;
        const size = setxattrSize(view, bodyOffset);
        if (size > bodyLength - SETXATTR_FIXED_SIZE - nameLength - 1) return -EINVAL;
        const outcome = treeShim.setAttribute(node.descriptor, bytes, nameOffset, nameOffset + nameLength + 1, size, setxattrFlags(view, bodyOffset));
        if (outcome === 0 && (setxattrExtraFlags(view, bodyOffset) & SetxattrFlag.ACL_KILL_SGID) !== 0) dropSetgid(node);
        return outcome;
      }),

    REMOVEXATTR: (request) => changing(request, (node) => treeShim.removeAttribute(node.descriptor, request.bytes, request.nameOffset)),
  };
}
