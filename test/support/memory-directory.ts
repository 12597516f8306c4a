import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { attempt, run } from './command.js';

/** A tmpfs below `directory`, for images whose programs fsync thousands of times: what counts there is the order, not the disk. */
export async function memoryDirectory(t: Test, directory: string, bytes: number): Promise<string> {
  const path = await mountMemory(directory, bytes);
  t.teardown(() => attempt('umount', ['-l', path]));
  return path;
}

/** The same, only for so long. */
export async function inMemory<Result>(directory: string, bytes: number, use: (path: string) => Promise<Result>): Promise<Result> {
  const path = await mountMemory(directory, bytes);
  try {
    return await use(path);
  } finally {
    await attempt('umount', ['-l', path]);
  }
}

async function mountMemory(directory: string, bytes: number): Promise<string> {
  const path = join(directory, 'memory');
  mkdirSync(path);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=755`, 'tmpfs', path]);
  return path;
}
