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
