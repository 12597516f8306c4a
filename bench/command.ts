import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end. Throws with what it wrote to stderr where it fails. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(program, args, { maxBuffer: 1 << 28 });
  return stdout;
}

/** Runs a shell pipeline and returns how long it took in seconds. Its output goes nowhere. */
export async function timeShell(script: string, ...args: string[]): Promise<number> {
  const child = spawn('/bin/sh', ['-c', script, 'sh', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const started = performance.now();
  const status = await exit(child);
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`"${script}" ended with status ${status}`);
  return seconds;
}

export const exit = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code) => resolve(code));
      });

export const milliseconds = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));
