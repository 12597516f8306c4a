import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { SourceUnavailable } from './source.js';

/**
 * Of the directory that kernels are built in; it goes with the process that has it, however that ends.
 * @param waits for whoever has it; otherwise returns undefined at once
 * @returns what gives it back
 */
export async function buildLock(directory: string, { waits }: { waits: boolean }): Promise<(() => Promise<void>) | undefined> {
  const how = waits ? [] : ['--nonblock'];
  // The program that has it ends with the pipe to it.
  const holder = spawn('flock', [...how, join(directory, 'lock'), 'sh', '-c', 'echo; exec cat >/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => holder.on('close', () => resolve()));
  const has = await new Promise<boolean>((resolve, reject) => {
    holder.on('error', () => reject(new SourceUnavailable('missing: flock')));
    holder.stdout.on('data', () => resolve(true)).on('end', () => resolve(false));
  });
  if (!has) return undefined;
  return async () => {
    holder.stdin.end();
    await ended;
  };
}
