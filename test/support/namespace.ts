import { tmpdir } from 'node:os';
import { projectRoot } from './native.js';

/**
 * Leaves the mounts of other tests, which run at the same time: as long as a copy of one is in this namespace,
 * its filesystem lives on after they have unmounted it.
 */
const ENTER = `
# One whose mount point was removed meanwhile has gone by itself.
leave() { umount -l "$1" 2>/dev/null || ! findmnt --mountpoint "$1"; }
findmnt --raw --noheadings --output TARGET | tac | while read -r target; do
  [ "$target" = "$KEPT" ] && continue
  case "$target" in /tmp/* | /dev/shm/* | "$SCRATCH"/* | "$PROJECT"/*) leave "$(printf %b "$target")" ;; esac
done
exec "$@"`;

/** Words for spawn that run a command in a mount namespace of its own. */
export const inOwnMountNamespace = (...command: readonly string[]): readonly [string, string[]] => inNamespaceWith('', ...command);

/** As inOwnMountNamespace, with a copy of one mount. */
export const inNamespaceWith = (kept: string, ...command: readonly string[]): readonly [string, string[]] => {
  const variables = [`SCRATCH=${tmpdir()}`, `PROJECT=${projectRoot}`, `KEPT=${kept}`];
  return ['env', [...variables, 'unshare', '--mount', '--propagation', 'private', 'sh', '-euc', ENTER, 'enter', ...command]];
};
