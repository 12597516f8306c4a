import { spawnSync } from 'node:child_process';
import { exitStatus, MountError } from '../helper/mount/errors.js';

/** -N: runs this very script again in another mount namespace, given as a path or a process id. */
export function runInNamespace(namespace: string, parameters: readonly string[]): never {
  const path = /^\d+$/.test(namespace) ? `/proc/${namespace}/ns/mnt` : namespace;
  const [interpreter = process.execPath, script = ''] = process.argv;
  const { status, error } = spawnSync('nsenter', [`--mount=${path}`, '--', interpreter, script, ...parameters], { stdio: 'inherit' });
  if (error !== undefined) throw new MountError('SYSTEM', `cannot run nsenter for -N ${namespace}: ${error.message}`);
  process.exit(status ?? exitStatus.system);
}

/** The letters of the flags that are set, as separate arguments. */
export const flags = (given: Readonly<Record<string, boolean | undefined>>): string[] =>
  Object.entries(given).flatMap(([letter, isSet]) => (isSet ? [`-${letter}`] : []));
