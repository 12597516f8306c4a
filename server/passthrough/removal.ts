import { rename2Flags, renameNewDirectory } from '../../protocol/fuse/requests.js';
import type { OperationTable } from '../session/handler.js';
import type { Request } from '../session/request.js';
import { auditName } from './audit.js';
import { onBehalfOf } from './caller.js';
import { EACCES, ENOENT, EROFS, EXDEV } from './errors.js';
import { firstName, secondName } from './names.js';
import { childPath, type TreeNode } from './node.js';
import { same, type Decision } from './policy.js';
import { refusalToMake, type Tree } from './tree.js';
import { treeShim } from './tree-shim.js';

/* linux/fs.h */
const RENAME_EXCHANGE = 2;
const RENAME_WHITEOUT = 4;
const NO_FLAGS = 0;

/** UNLINK, RMDIR and RENAME: what takes a name away. */
export function removalOperations({ nodes }: Tree): OperationTable {
  /** 0, or why a name cannot be taken away. */
  const refusalToRemove = (directory: Decision, name: Decision): number => {
    if (name.hidden) return -ENOENT;
    if (directory.denied || name.denied) return -EACCES;
    return directory.readOnly || name.readOnly ? -EROFS : 0;
  };

  const remove = (request: Request, isDirectory: 0 | 1): number => {
    const directory = nodes.get(request.nodeid);
    const name = firstName(request);
    const decision = nodes.decide(directory, name);
    const outcome = refusalToRemove(directory.decision, decision) || treeShim.remove(directory.descriptor, request.bytes, request.nameOffset, isDirectory);
    auditName(directory, name, decision, 'remove', request, outcome);
    return outcome;
  };

  /**
   * A file keeps what holds for it, and so does all that is below a directory: where a rename would change that, whoever
   * wants it has to copy.
   */
  const refusalToMove = ({ bytes, nameOffset, secondNameOffset }: Request, from: TreeNode, name: string, to: TreeNode, newName: string, exchanges: boolean): number => {
    if (nodes.policy.isEmpty) return 0;
    const [old, next] = [nodes.decide(from, name), nodes.decide(to, newName)];
    const refused = refusalToRemove(from.decision, old) || (exchanges ? refusalToRemove(to.decision, next) : refusalToMake(to.decision, next));
    if (refused !== 0) return refused;
    if (!same(old, next)) return -EXDEV;
    const isWhole = nodes.isDirectory(from, bytes, nameOffset) || (exchanges && nodes.isDirectory(to, bytes, secondNameOffset));
    return isWhole && [childPath(from, name), childPath(to, newName)].some((path) => nodes.policy.dependsOn(path)) ? -EXDEV : 0;
  };

  const rename = (request: Request, flags: number): number => {
    const { view, bytes, bodyOffset, nameOffset, secondNameOffset } = request;
    const from = nodes.get(request.nodeid);
    const to = nodes.get(renameNewDirectory(view, bodyOffset));
    const [name, newName] = [firstName(request), secondName(request)];
    const renamed = (): number => treeShim.rename(from.descriptor, bytes, nameOffset, to.descriptor, secondNameOffset, flags);
    // A whiteout is a new file.
    const move = (): number => ((flags & RENAME_WHITEOUT) === 0 ? renamed() : onBehalfOf(request, 0, from.decision, renamed));
    const exchanges = (flags & RENAME_EXCHANGE) !== 0;
    const outcome = refusalToMove(request, from, name, to, newName, exchanges) || move();
    auditName(from, name, nodes.decide(from, name), 'rename', request, outcome);
    if (outcome < 0) return outcome;
    nodes.moved(to, bytes, secondNameOffset, newName);
    if (exchanges) nodes.moved(from, bytes, nameOffset, name);
    return 0;
  };

  return {
    UNLINK: (request) => remove(request, 0),
    RMDIR: (request) => remove(request, 1),
    RENAME: (request) => rename(request, NO_FLAGS),
    RENAME2: (request) => rename(request, rename2Flags(request.view, request.bodyOffset)),
  };
}
