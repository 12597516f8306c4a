import { tmpdir } from 'node:os';
import { projectRoot } from './native.js';

/**
 * Leaves the mounts of other tests, which run at the same time: as long as a copy of one is in this namespace,
 * its filesystem lives on after they have unmounted it.
 */
const ENTER = `
findmnt --raw --noheadings --output TARGET | tac | while read -r target; do
  case "$target" in /tmp/* | /dev/shm/* | "$SCRATCH"/* | "$PROJECT"/*) umount -l "$(printf %b "$target")" ;; esac
done
exec "$@"`;

/** Words for spawn that run a command in a mount namespace of its own. */
export const inOwnMountNamespace = (...command: readonly string[]): readonly [string, string[]] => {
  const variables = [`SCRATCH=${tmpdir()}`, `PROJECT=${projectRoot}`];
  return ['env', [...variables, 'unshare', '--mount', '--propagation', 'private', 'sh', '-euc', ENTER, 'enter', ...command]];
};
