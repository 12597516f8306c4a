import { closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { attempt } from './command.js';

/** In milliseconds. */
const PATIENCE = 60_000;
const LOOK = 20;

/**
 * Waits until nothing of a mount is left, after it was unmounted: a copy of it in another mount namespace, such as
 * every start of a container makes for a moment, keeps the filesystem going, and its server.
 */
export async function released(source: string): Promise<void> {
  const isFree = source.startsWith('/dev/') ? () => Promise.resolve(isUnclaimed(source)) : () => isUnlocked(source);
  const deadline = performance.now() + PATIENCE;
  while (!(await isFree())) {
    if (performance.now() > deadline) throw new Error(`${source} was unmounted, but is in use still\n${holdersOf(source).join('\n')}`);
    await pause(LOOK);
  }
}

/** The server of an image has it locked until its end. */
const isUnlocked = async (image: string): Promise<boolean> => (await attempt('flock', ['--nonblock', image, 'true'])).status === 0;

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
