import { spawnSync } from 'node:child_process';
import { MountError } from '../mount/errors.js';

/** Where units are that last until the machine is shut down. */
export const UNITS = '/run/systemd/system';

const PATIENCE = 90_000;

export const systemctl = (...words: readonly string[]): string => runCommand('systemctl', ['--quiet', '--no-ask-password', ...words]);

/** @throws MountError */
export function runCommand(command: string, words: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, words, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', timeout: PATIENCE });
  if (error !== undefined) throw new MountError('SYSTEM', `cannot run ${command}: ${error.message}`, '"idle" needs systemd: fuse4fs-automount.json(5)');
  if (status !== 0) throw new MountError('MOUNT_REFUSED', `${command} ${words.join(' ')}: ${stderr.trim() || `status ${status}`}`);
  return stdout;
}
