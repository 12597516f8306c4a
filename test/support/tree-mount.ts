/** Mounts of directories, by the command under test. */
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { attempt, run } from './command.js';
import { fuse4fs } from './mount.js';

/**
 * Mounts SOURCE through the helper and a server, beside it, and unmounts it whatever happens.
 * @param through a program, with its arguments, that runs the command
 */
export async function treeMount<Result>(source: string, options: readonly string[], use: (target: string) => Promise<Result>, through: readonly string[] = []): Promise<Result> {
  const target = mkdtempSync(join(dirname(source), 'tree-'));
  try {
    const [program = process.execPath, ...words] = [...through, process.execPath, fuse4fs];
    await run(program, [...words, '-t', 'passthrough', source, target, ...(options.length > 0 ? ['-o', options.join(',')] : [])]);
    const result = await use(target);
    await run(process.execPath, [fuse4fs, 'umount', target]);
    return result;
  } finally {
    await attempt('umount', ['-l', target]);
    rmdirSync(target);
  }
}

/** A directory of its own in a mounted filesystem, for a tree that can have a mount point beside it. */
export function treeIn(mounted: string, name = 'tree'): string {
  const tree = join(mounted, name);
  mkdirSync(tree, { recursive: true });
  return tree;
}

/** What a call fails with, or "ok". */
export const codeOf = (act: () => void): string => {
  try {
    act();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
};
