import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../support/native.js';

export interface Boot {
  readonly kernel: string;
  /** Shell commands, run by root in the project's directory. */
  readonly command: string;
  /** Files that the kernel shows as /dev/ubda, /dev/ubdb, … */
  readonly disks?: readonly string[];
  readonly megabytes?: number;
  readonly processors?: number;
  readonly seconds: number;
  /** Words for the kernel's command line. */
  readonly parameters?: readonly string[];
  readonly onOutput: (chunk: Buffer) => void;
  /** Told of the directory that is /exchange inside, as soon as it is there. */
  readonly onExchange?: (directory: string) => void;
  /** Before that directory goes. */
  readonly onEnd?: () => void;
}

export interface Outcome {
  /** What the command ended with; undefined where the kernel or the time ended it. */
  readonly status: number | undefined;
  readonly timedOut: boolean;
  /** What the kernel had to say. */
  readonly messages: string;
}

/** For the shell. */
export const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

const commandFile = (command: string): string =>
  [`cd ${  quoted(projectRoot)}`, `export PATH=${quoted(process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin')}`, command, ''].join('\n');

const arguments_ = (boot: Boot, exchange: string): string[] => [
  `mem=${boot.megabytes ?? 2048}M`,
  `ncpus=${boot.processors ?? 1}`,
  // System calls by way of seccomp where the machine lets it: half the price of ptrace.
  'seccomp=auto',
  'root=/dev/root',
  'rootfstype=hostfs',
  'rootflags=/',
  'ro',
  ...(boot.disks ?? []).map((disk, index) => `ubd${String.fromCharCode(97 + index)}=${disk}`),
  `init=${join(projectRoot, 'test', 'kernel', 'init.sh')}`,
  'con=null',
  'con0=null,fd:1',
  'console=tty0',
  'loglevel=1',
  'panic=-1',
  `uml_dir=${exchange}/`,
  `exchange=${exchange}`,
  `project=${projectRoot}`,
  ...(boot.parameters ?? []),
];

const readIfThere = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** The console ends lines as terminals do. */
const withoutReturns = (chunk: Buffer): Buffer => Buffer.from(chunk.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');

/** Boots the kernel over the machine's own root file system, and returns when the command has ended. */
export async function bootAndRun(boot: Boot): Promise<Outcome> {
  const exchange = mkdtempSync(join(tmpdir(), 'uml-'));
  try {
    writeFileSync(join(exchange, 'command'), commandFile(boot.command));
    chmodSync(exchange, 0o777);
    mkdirSync(join(exchange, 'memory'));
    boot.onExchange?.(exchange);
    const child = spawn(boot.kernel, arguments_(boot, exchange), {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, TMPDIR: existsSync('/dev/shm') ? '/dev/shm' : join(exchange, 'memory') },
    });
    child.stdout.on('data', (chunk: Buffer) => boot.onOutput(withoutReturns(chunk)));
    let complaints = '';
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    let timedOut = false;
    const limit = setTimeout(() => {
      timedOut = true;
      // The kernel and the processes in it are one group.
      process.kill(-child.pid!, 'SIGKILL');
    }, boot.seconds * 1000);
    await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
    clearTimeout(limit);
    boot.onEnd?.();
    const status = readIfThere(join(exchange, 'status'));
    const messages = readIfThere(join(exchange, 'dmesg.end')) || readIfThere(join(exchange, 'dmesg'));
    return { status: status === '' ? undefined : Number(status), timedOut, messages: messages + complaints };
  } finally {
    rmSync(exchange, { recursive: true, force: true });
  }
}
