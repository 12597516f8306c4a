import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemRuntime } from '../../helper/mount/runtime.js';
import { run } from './command.js';
import { fuse4fs } from './mount.js';

const STATUS_ATTEMPTS = 20;

/** On a busy machine a server may not answer in the time that `status` gives it: then it is asked again. */
export async function serverOf(target: string): Promise<number> {
  for (let attempt = 0; attempt < STATUS_ATTEMPTS; attempt++) {
    const status = JSON.parse((await run(process.execPath, [fuse4fs, 'status', '--json'])).toString()) as { mounts: { target: string; pid: number | null }[] };
    const pid = status.mounts.find((mount) => mount.target === target)?.pid;
    if (typeof pid === 'number') return pid;
  }
  throw new Error(`the server of ${target} does not say what it is`);
}

/** MAJOR:MINOR of a mount, as mountinfo has it. */
export function deviceOf(target: string): string {
  const { dev } = statSync(target);
  return `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
}

/** What the server of a mount has logged. */
export const logOf = (target: string): string => readFileSync(join(systemRuntime().mounts ?? '', `${deviceOf(target)}.log`), 'utf8');
