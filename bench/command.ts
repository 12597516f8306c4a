import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** In seconds: whoever is not done by then is not measured but stuck. */
const LONGEST = 180;
/** Of what a program says: enough for the JSON of fio with many jobs. */
const KEPT = 1 << 24;

/** A program did not do what it was to. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  /** @param said the end of what it wrote to stderr */
  constructor(command: string, outcome: string, said: string) {
    super(`${command} ${outcome}${said.trim() === '' ? '' : `: ${said.trim()}`}`);
  }
}

/** Runs a program to its end. @returns what it wrote to stdout. Throws with what it wrote to stderr where it fails */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  // A process group of its own, so that all of it can be ended.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-KEPT)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-1000)));
  const command = [program, ...args].join(' ').slice(0, 60);
  const status = await ending(child, command);
  if (status !== 0) throw new CommandError(command, `ended with ${status}`, said);
  return output;
}

/** Waits, but not for ever: a process that waits for a dead filesystem does not end even when it is killed. */
async function ending(child: ChildProcess, command: string): Promise<number | string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      reject(new CommandError(command, `is not done after ${LONGEST} s`, ''));
    }, LONGEST * 1000);
  });
  const end = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  try {
    return await Promise.race([end, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a shell script and returns how long it took in seconds. Its output goes nowhere. */
export async function timeShell(script: string, ...args: readonly string[]): Promise<number> {
  const started = performance.now();
  await run('/bin/sh', '-c', `{ ${script}; } >/dev/null`, 'sh', ...args);
  return (performance.now() - started) / 1000;
}

export const exit = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code) => resolve(code));
      });

export const milliseconds = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));
