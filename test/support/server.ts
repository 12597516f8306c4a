import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemRuntime } from '../../helper/mount/runtime.js';
import { run } from './command.js';
import { fuse4fs } from './mount.js';

/** In milliseconds. */
const STATUS_PATIENCE = 60_000;

interface MountStatus {
  readonly target: string;
  readonly pid: number | null;
  readonly requests: Readonly<Record<string, number>>;
  /** As it says itself (server/status/report.ts), and what is seen of its process. */
  readonly [more: string]: unknown;
}

/** On a busy machine a server may not answer in the time that `status` gives it: then it is asked again. */
export async function statusOf(target: string): Promise<MountStatus & { readonly pid: number }> {
  const deadline = performance.now() + STATUS_PATIENCE;
  while (performance.now() < deadline) {
    const { mounts } = JSON.parse((await run(process.execPath, [fuse4fs, 'status', '--json'])).toString()) as { mounts: MountStatus[] };
    const found = mounts.find((mount) => mount.target === target);
    if (typeof found?.pid === 'number') return { ...found, pid: found.pid };
  }
  throw new Error(`the server of ${target} does not say what it is`);
}

export const serverOf = async (target: string): Promise<number> => (await statusOf(target)).pid;

/** How many requests of each kind the server of a mount has answered. */
export const requestsOf = async (target: string): Promise<Readonly<Record<string, number>>> => (await statusOf(target)).requests;

/** MAJOR:MINOR of a mount, as mountinfo has it. */
export function deviceOf(target: string): string {
  const { dev } = statSync(target);
  return `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
}

/** What the server of a mount has logged. */
export const logOf = (target: string): string => readFileSync(join(systemRuntime().mounts ?? '', `${deviceOf(target)}.log`), 'utf8');
