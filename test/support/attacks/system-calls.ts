/** Raw system calls, by name. */
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Addon {
  readonly numbers: Readonly<Record<string, number>>;
  call(number: number, parameters: readonly (number | Uint8Array)[]): number;
  threads(most: number): number;
}

// Four up: dist/test/support/attacks.
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..');
const addon = createRequire(import.meta.url)(join(root, 'build', 'test', 'system-calls.node')) as Addon;

const errorNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** What came of it: "done: RESULT", or the name of the errno. */
export function outcomeOf(result: number): string {
  return result >= 0 ? `done: ${result}` : (errorNames.get(-result) ?? `errno ${-result}`);
}

export const startThreads = addon.threads;

/** Its result or a negative errno; -ENOSYS where this architecture has no such call. Strings are passed with their NUL. */
export function systemCall(name: string, ...parameters: readonly (number | string | Uint8Array)[]): number {
  const number = addon.numbers[name];
  if (number === undefined) return -constants.errno.ENOSYS;
  return addon.call(number, parameters.map((value) => (typeof value === 'string' ? new TextEncoder().encode(`${value}\0`) : value)));
}
