import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../support/command.js';
import { compiledProgram } from './compiled-program.js';

const device = '/dev/ubda';

/** The server of native/mapped-files.c on a mount of its own, on the first disk of the test kernel. */
export interface MappedFiles {
  readonly path: string;
  /** The next answer about a mapping breaks this rule. */
  lie(file: string, rule: string): Promise<void>;
  /** Requests so far, by name. */
  counts(file: string): Promise<Record<string, number>>;
}

export async function withMappedFiles(options: readonly string[], work: (mount: MappedFiles) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'mapped-'));
  const child = spawn(await compiledProgram('mapped-files'), [device, path, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  if ((await Promise.race([once(child.stdout, 'data').then(() => 'ready'), ended.then(() => 'ended')])) === 'ended')
    throw new Error('the server ended before the mount was ready');
  try {
    await work({
      path,
      lie: async (file, rule) => void (await run('setfattr', ['-n', 'user.lie', '-v', rule, file])),
      counts: async (file) => {
        const text = (await run('getfattr', ['--absolute-names', '--only-values', '-n', 'user.counts', file])).toString();
        return Object.fromEntries([...text.matchAll(/(\w+) (\d+)/g)].map(([, name, count]) => [name!, Number(count)]));
      },
    });
  } finally {
    await run('umount', [path]);
    // The device is free when the server has ended.
    await ended;
  }
}

/** What the kernel said since it was asked last. */
export async function kernelMessages(): Promise<string> {
  return (await run('dmesg', ['--read-clear'])).toString();
}
