import type { BootedSystem } from './booted-system.js';

/** Milliseconds of processor time, as user and in the kernel, that a command takes with the processes it waits for. */
export async function processorTime(system: BootedSystem, ...command: string[]): Promise<number> {
  const times = await system.run('sh', '-c', '"$@" && times', 'sh', ...command);
  const children = times.trim().split('\n').at(-1) ?? '';
  return children.split(' ').reduce((sum, word) => sum + milliseconds(word), 0);
}

/** "0m0.120000s" */
function milliseconds(word: string): number {
  const [, minutes, seconds] = /^(\d+)m([\d.]+)s$/u.exec(word) ?? [];
  if (minutes === undefined || seconds === undefined) throw new Error(`not a time of the shell's: ${word}`);
  return Number(minutes) * 60_000 + Number(seconds) * 1000;
}
