import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.js';

const FILES_PER_DIRECTORY = 40;

/** Small files as in a source tree: from 100 bytes to 12 KiB, the same ones every time. */
export const sizeOf = (file: number): number => 100 + ((file * 2654435761) % 12_000);

/** A tree of them with the name "source", packed. */
export const sourceArchive = (outside: string): string => join(outside, 'source.tar');

/** A git repository of the same files. */
export const sourceRepository = (outside: string): string => join(outside, 'source');

/** Makes both. */
export async function makeSource(outside: string, files: number): Promise<void> {
  const root = sourceRepository(outside);
  for (let file = 0; file < files; file++) {
    const directory = join(root, `part-${Math.floor(file / FILES_PER_DIRECTORY / 10)}`, `d${Math.floor(file / FILES_PER_DIRECTORY)}`);
    if (file % FILES_PER_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${file}.c`), Buffer.alloc(sizeOf(file), `${file}: a line of a program\n`));
  }
  await run('tar', '-C', outside, '-cf', sourceArchive(outside), 'source');
  const git = (...args: readonly string[]): Promise<string> => run('git', '-C', root, '-c', 'user.name=bench', '-c', 'user.email=bench@localhost', '-c', 'gc.auto=0', ...args);
  await git('init', '-q');
  await git('add', '.');
  await git('commit', '-q', '-m', 'all');
}
