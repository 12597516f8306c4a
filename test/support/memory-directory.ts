import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { attempt, run } from './command.js';

/** A tmpfs below `directory`, for images whose programs fsync thousands of times: what counts there is the order, not the disk. */
export async function memoryDirectory(t: Test, directory: string, bytes: number): Promise<string> {
  const path = join(directory, 'memory');
  mkdirSync(path);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=755`, 'tmpfs', path]);
  t.teardown(() => attempt('umount', ['-l', path]));
  return path;
}
