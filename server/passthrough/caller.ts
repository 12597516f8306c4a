import type { Request } from '../session/request.js';
import { EPERM, TreeError } from './errors.js';
import type { Decision } from './policy.js';
import { treeShim } from './tree-shim.js';

const ROOT = 0;
const HIGHEST_ID = 2 ** 32 - 2;

/**
 * Makes something on behalf of whoever asks: it is theirs, and their umask counts, unless the directory has default
 * ACLs. Whether they may was decided by the kernel of the mount.
 * @returns what `make` returns
 * @throws TreeError
 */
export function onBehalfOf({ uid, gid }: Request, umask: number, { uidShift, gidShift }: Decision, make: () => number): number {
  const owner = unshifted(uid, uidShift);
  const group = unshifted(gid, gidShift);
  try {
    if (treeShim.actAs(owner, group, umask) < 0) throw new TreeError(EPERM, `no file can be made for user ${owner}`);
    return make();
  } finally {
    if (owner !== ROOT || group !== ROOT) treeShim.actAsRoot();
  }
}

/** From an owner as the mount shows it to the real one. @throws TreeError */
export function unshifted(id: number, by: number): number {
  const real = id - by;
  if (real < 0 || real > HIGHEST_ID) throw new TreeError(EPERM, `owner ${id} is out of the range that the policy shifts`);
  return real;
}
