import { readFileSync } from 'node:fs';
import { milliseconds } from './command.js';

export const isMounted = (target: string): boolean =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === target);

/** @param hasFailed is asked while waiting; a reason ends the wait */
export async function untilMounted(target: string, hasFailed: () => string | undefined): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!isMounted(target)) {
    const reason = hasFailed();
    if (reason !== undefined) throw new Error(reason);
    if (performance.now() > deadline) throw new Error(`${target} was not mounted within 30 s`);
    await milliseconds(5);
  }
}
