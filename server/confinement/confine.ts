import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../native/package-root.js';
import { log } from '../log.js';
import { serverShim } from '../native/shim.js';
import type { Confinement } from './confinement.js';

/* linux/prctl.h */
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
/* asm-generic/resource.h */
const RLIMIT_DATA = 2;
const RLIMIT_CORE = 4;
const RLIMIT_NOFILE = 7;

/** The descriptors of a session, up to 64 clones of /dev/fuse, the status connections, and what Node has open. */
const MOST_DESCRIPTORS = 256;
/** One for each inode of a tree that the kernel knows, and for each open file. */
const MOST_DESCRIPTORS_ON_TREES = 2 ** 20;
/** Bytes: more than the largest cache that makes sense, and less than what would hurt the machine. */
const MOST_MEMORY = 4 * 2 ** 30;

/** In the place of a tree: none, and the walls are all threads', or the calling thread's alone. */
const NO_TREE = -1;
const NO_TREE_HERE = -2;

/**
 * Gives up what the server can give up by itself, however it was started: whoever contains it (a
 * unit file, the helper) has done more before. Each step is best effort and says if it failed.
 * @param tree whether it will serve a directory tree: each thread then builds its own walls around files,
 * with confineToTree() or confineFromTree(), as soon as the tree is known
 */
export function confine({ FUSE4FS_SECCOMP, FUSE4FS_LANDLOCK }: NodeJS.ProcessEnv, tree = false): Confinement {
  const missing: string[] = [];
  const attempt = (what: string, result: number): number => {
    if (result >= 0) return result;
    log('warning', `confinement: setting ${what} failed with errno ${-result}`);
    missing.push(what);
    return 0;
  };
  // A setuid binary would be the way back to rights.
  attempt('no_new_privs', serverShim.prctl(PR_SET_NO_NEW_PRIVS, 1));
  // Memory holds other people's files: no ptrace by the same user, no core dump.
  attempt('dumpable', serverShim.prctl(PR_SET_DUMPABLE, 0));
  attempt('core limit', serverShim.limit(RLIMIT_CORE, 0));
  attempt('descriptor limit', serverShim.limit(RLIMIT_NOFILE, tree ? MOST_DESCRIPTORS_ON_TREES : MOST_DESCRIPTORS));
  attempt('memory limit', serverShim.limit(RLIMIT_DATA, MOST_MEMORY));
  // "log" and "off" are for whoever has to find out what a new Node version calls, or opens.
  const wall = (): number => (tree ? serverShim.landlockVersion() : serverShim.landlock(packageRoot, packages(), NO_TREE));
  const landlock = FUSE4FS_LANDLOCK === 'off' ? 0 : attempt('landlock', wall());
  if (FUSE4FS_LANDLOCK === 'off') missing.push('landlock');
  const seccomp = FUSE4FS_SECCOMP === 'log' || FUSE4FS_SECCOMP === 'off' ? FUSE4FS_SECCOMP : 'filter';
  if (seccomp !== 'off') attempt('the filter of system calls', serverShim.seccomp(0, tree ? 1 : 0, seccomp === 'log' ? 1 : 0));
  if (seccomp !== 'filter') missing.push('the filter of system calls');
  return { seccomp: missing.includes('the filter of system calls') && seccomp === 'filter' ? 'off' : seccomp, landlock, ...(tree && { tree }), missing };
}

/** The calling thread is the one that works on the tree: it reaches files beneath it, and no others. */
export function confineToTree(confinement: Confinement, tree: number): Confinement {
  return confinement.landlock === 0 ? confinement : { ...confinement, missing: missingAfter(confinement, tree) };
}

/** The calling thread, and all that it starts from now on, have nothing to do with the tree. */
export function confineFromTree(confinement: Confinement): void {
  if (confinement.landlock !== 0) missingAfter(confinement, NO_TREE_HERE);
}

function missingAfter({ missing }: Confinement, tree: number): readonly string[] {
  const result = serverShim.landlock(packageRoot, packages(), tree);
  if (result >= 0) return missing;
  log('warning', `confinement: setting landlock failed with errno ${-result}`);
  return [...missing, 'landlock'];
}

/**
 * All modules are loaded, all threads run, INIT is answered: from here on nothing can be opened or started.
 * @throws if that could not be had
 */
export function confineServing({ seccomp, tree }: Confinement): void {
  if (seccomp === 'off') return;
  const result = serverShim.seccomp(1, tree === true ? 1 : 0, seccomp === 'log' ? 1 : 0);
  if (result < 0) throw new Error(`the filter of system calls of a serving server failed with errno ${-result}`);
}

/** Where the packages are that the server imports, if they are not below the program itself. */
function packages(): string {
  try {
    return realpathSync(join(packageRoot, 'node_modules'));
  } catch {
    return '';
  }
}
