/** Whether the test kernel can run here, for tests that are skipped where it cannot. */
import { existsSync, statfsSync } from 'node:fs';
import { cannotMount } from '../support/machine.js';
import { bootAndRun } from './boot.js';
import { cachedKernel } from './build.js';

/** Where the kernel's memory lies. */
const MEMORY = '/dev/shm';
const SECONDS = 120;
/** What runs there needs no less. */
const TRIAL = 'test -e dist/test/kernel/available.js && node --version';

export interface Availability {
  readonly kernel: string;
  readonly skip: string | false;
}

function freeMegabytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return (bavail * bsize) / 2 ** 20;
}

const unavailable = (skip: string): Availability => ({ kernel: '', skip });

/** Why no kernel could run here if there were one, or false. */
export function cannotRunKernel(megabytes: number): string | false {
  const lacking = cannotMount();
  if (lacking !== false) return lacking;
  return (!existsSync(MEMORY) || freeMegabytes(MEMORY) < megabytes) && `${MEMORY} has no room for ${megabytes} MiB`;
}

/** The kernel that has been built already, or why there is none to run; FUSE4FS_NO_TEST_KERNEL: why it has not been. */
export async function availableKernel(megabytes: number): Promise<Availability> {
  const lacking = cannotRunKernel(megabytes);
  if (lacking !== false) return unavailable(lacking);
  const kernel = cachedKernel();
  if (kernel === undefined) return unavailable(`the test kernel is not built: ${process.env['FUSE4FS_NO_TEST_KERNEL'] ?? 'npm run test:iomap -- --build'}`);
  let said = '';
  const { status, messages } = await bootAndRun({ kernel, command: TRIAL, megabytes, seconds: SECONDS, onOutput: (chunk) => (said += chunk.toString()) });
  if (status === 0) return { kernel, skip: false };
  return unavailable(`User Mode Linux does not run here: ${(said + messages).trim().split('\n').at(-1) ?? 'it says nothing'}`);
}
