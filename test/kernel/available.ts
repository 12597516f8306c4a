/** Whether the test kernel can run here, for tests that are skipped where it cannot. */
import { existsSync, statfsSync } from 'node:fs';
import { cannotMount } from '../support/machine.js';
import { bootAndRun } from './boot.js';
import { cachedKernel } from './build.js';

/** Where the kernel's memory lies. */
const MEMORY = '/dev/shm';
const SECONDS = 120;

export interface Availability {
  readonly kernel: string;
  readonly skip: string | false;
}

function freeMegabytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return (bavail * bsize) / 2 ** 20;
}

const unavailable = (skip: string): Availability => ({ kernel: '', skip });

/** The kernel that has been built already, or why there is none to run. */
export async function availableKernel(megabytes: number): Promise<Availability> {
  const lacking = cannotMount();
  if (lacking !== false) return unavailable(lacking);
  const kernel = cachedKernel();
  if (kernel === undefined) return unavailable('the test kernel is not built: npm run test:iomap -- --build');
  if (!existsSync(MEMORY) || freeMegabytes(MEMORY) < megabytes) return unavailable(`${MEMORY} has no room for ${megabytes} MiB`);
  let said = '';
  const { status, messages } = await bootAndRun({ kernel, command: 'true', megabytes, seconds: SECONDS, onOutput: (chunk) => (said += chunk.toString()) });
  if (status === 0) return { kernel, skip: false };
  return unavailable(`User Mode Linux does not run here: ${(said + messages).trim().split('\n').at(-1) ?? 'it says nothing'}`);
}
