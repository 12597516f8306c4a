import { spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** In milliseconds. */
const PATIENCE = 60_000;
const LOOK = 20;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits until nothing of a mount is left, after it was unmounted: a copy of it in another mount namespace, such as
 * every start of a container makes for a moment, keeps the filesystem going, and its server.
 */
export async function released(source: string): Promise<void> {
  for (const deadline = performance.now() + PATIENCE; !isFree(source); await pause(LOOK)) assertInTime(source, deadline);
}

/** The same without a turn for anything else. */
export function releasedNow(source: string): void {
  for (const deadline = performance.now() + PATIENCE; !isFree(source); Atomics.wait(nobody, 0, 0, LOOK)) assertInTime(source, deadline);
}

function assertInTime(source: string, deadline: number): void {
  if (performance.now() > deadline) throw new Error(`${source} was unmounted, but is in use still\n${holdersOf(source).join('\n')}`);
}

/** What has no name any more cannot be mounted again by name either. */
const isFree = (source: string): boolean => !existsSync(source) || (source.startsWith('/dev/') ? isUnclaimed(source) : isUnlocked(source));

/** The server of an image has it locked until its end; readers do not lock each other out. */
const isUnlocked = (image: string): boolean => spawnSync('flock', ['--shared', '--nonblock', image, 'true']).status === 0;

/** The kernel claims the device until the server has said that all is written. */
function isUnclaimed(device: string): boolean {
  try {
    closeSync(openSync(device, constants.O_RDONLY | constants.O_EXCL));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EBUSY') return false;
    throw error;
  }
}

/** Processes in whose mount namespace it is, and servers of it: for messages. */
export function holdersOf(source: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const sees = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(` ${source} `);
        return sees || command.startsWith(`fuse4fs-server: ${source} `) ? [`${pid} ${sees ? 'sees the mount' : 'serves it'}: ${command.slice(0, 200)}`] : [];
      } catch {
        return [];
      }
    });
}
