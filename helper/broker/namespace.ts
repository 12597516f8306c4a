/** The mount namespace that a caller handed over, as an open descriptor: to have it, it must be the caller's own. */
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { errorText, shim } from '../native/shim.js';
import { MountError } from '../mount/errors.js';
import { parseMounts, type MountEntry } from '../mount/mountinfo.js';
import { belongsHere } from './user-namespace.js';

const CLONE_NEWNS = 0x20000;
const O_PATH = 0o10000000;

export interface MountNamespace {
  /** Calls `act` inside, where only descriptors mean what they mean here. `mounts` reads the mount table there. */
  within<Result>(act: (mounts: () => MountEntry[]) => Result): Result;
}

/**
 * Whoever has a user namespace of its own is root over the mount namespaces in it, and could take `nodev` off
 * a mount there again. So mounts of this user namespace are attached only in those that belong to it.
 */
export function adoptNamespace(descriptor: number): MountNamespace {
  assertMountNamespace(descriptor);
  if (!belongsHere(descriptor)) {
    throw new MountError('PERMISSION', 'the mount namespace belongs to a user namespace', 'there, its root mounts and unmounts: unshare -Urm, podman unshare');
  }
  return { within: (act) => within(descriptor, act) };
}

export function assertMountNamespace(descriptor: number): void {
  if (shim.namespaceType(descriptor) !== CLONE_NEWNS) throw new MountError('USAGE', 'the descriptor of the mount namespace is of another kind');
}

function within<Result>(namespace: number, act: (mounts: () => MountEntry[]) => Result): Result {
  const home = openSync('/proc/thread-self/ns/mnt', constants.O_RDONLY);
  // Ours, whatever is mounted on /proc in there.
  const proc = openSync('/proc', O_PATH | constants.O_DIRECTORY);
  const entered = shim.enterNamespace(namespace, CLONE_NEWNS);
  try {
    if (entered < 0) throw new MountError('SYSTEM', `cannot enter the mount namespace: ${errorText(entered)}`);
    const here = shim.changeDirectory(proc);
    if (here < 0) throw new MountError('SYSTEM', `cannot reach /proc: ${errorText(here)}`);
    return act(() => parseMounts(readFileSync('thread-self/mountinfo', 'utf8')));
  } finally {
    // What cannot get home would open other files by the same names.
    if (entered >= 0 && shim.enterNamespace(home, CLONE_NEWNS) < 0) process.abort();
    closeSync(proc);
    closeSync(home);
  }
}
