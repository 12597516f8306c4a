/** What directory trees lie on in the tests. */
import { mkdirSync } from 'node:fs';
import { makeImage, mebibyte } from './image.js';
import { inMemory } from './memory-directory.js';
import { kernelMount } from './mount.js';
import { treeIn } from './tree-mount.js';

const SIZE = 512 * mebibyte;

export interface TreeFilesystem {
  readonly name: 'ext4' | 'tmpfs';
  /** Uses an empty tree on one that is made in `directory`. */
  readonly withTree: <Result>(directory: string, use: (tree: string) => Promise<Result>) => Promise<Result>;
}

export const treeFilesystems: readonly TreeFilesystem[] = [
  { name: 'ext4', withTree: async (directory, use) => kernelMount(await makeImage(made(directory), { size: SIZE }), [], (mounted) => use(treeIn(mounted))) },
  { name: 'tmpfs', withTree: (directory, use) => inMemory(made(directory), SIZE, (mounted) => use(treeIn(mounted))) },
];

function made(directory: string): string {
  mkdirSync(directory, { recursive: true });
  return directory;
}
