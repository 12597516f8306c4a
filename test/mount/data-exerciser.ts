/** Runs exercise-file on a mount, with remounts in between, and lets e2fsck and the kernel judge what is left. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { dataThroughServer } from '../support/data-requests.js';
import { e2fsckComplaints, makeImage, mebibyte, type ImageRecipe } from '../support/image.js';
import { mountsForIomap } from '../support/mount-source.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { nativeProgram } from '../support/native.js';

export interface DataKind {
  readonly name: string;
  readonly recipe: ImageRecipe;
  /** Files are mapped by extents: fallocate can allocate. */
  readonly extents: boolean;
}

const size = 192 * mebibyte;

export const dataKinds: readonly DataKind[] = [
  { name: 'ext4, 1 KiB blocks', recipe: { blockSize: 1024, size }, extents: true },
  { name: 'ext4, 4 KiB blocks', recipe: { size }, extents: true },
  { name: 'bigalloc', recipe: { features: ['bigalloc'], arguments: ['-C', '65536'], size }, extents: true },
  { name: 'inline data', recipe: { blockSize: 1024, features: ['inline_data'], size }, extents: true },
  { name: 'no journal', recipe: { features: ['^has_journal'], size }, extents: true },
  { name: 'ext2, 1 KiB blocks', recipe: { type: 'ext2', blockSize: 1024, size }, extents: false },
  { name: 'ext3, 4 KiB blocks', recipe: { type: 'ext3', size }, extents: false },
];

/** A little before the first block that a block map of 1 KiB blocks reaches by its triple indirect block. */
const FAR = (12 + 256 + 256 * 256) * 1024 - 128 * 1024;

/** What the filesystem does for fallocate(2), or does not: what exercise-file is told. */
export type Feature = 'extents' | 'collapse' | 'no-zeroing';

export interface DataRun {
  readonly seed: number;
  readonly operations: number;
  readonly remounts: number;
  /** After so long the run counts as hanging. */
  readonly seconds: number;
}

/** @returns what was not as it should be: nothing, mostly */
export async function exerciseData(directory: string, { name, recipe, extents }: DataKind, options: DataRun): Promise<string[]> {
  const image = await makeImage(directory, recipe, name.replace(/\W+/g, '-'));
  const expected = mkdtempSync(join(directory, 'expected-'));
  const isKernelData = mountsForIomap && recipe.features?.includes('inline_data') !== true;
  const passed: string[] = [];
  const examine = async (target: string): Promise<void> => {
    if (isKernelData) passed.push(...(await dataThroughServer(target)));
  };
  const problem = await fuseMount(image, [], async (target, mountAgain) => {
    const remount = async (): Promise<void> => {
      await examine(target);
      await mountAgain();
    };
    const found = await exerciseMount(target, expected, remount, extents ? ['extents'] : [], options);
    await examine(target);
    return found;
  });
  const complaints = await e2fsckComplaints(image);
  const problems = [problem, complaints, ...passed].filter((text) => text !== undefined);
  if (problem !== undefined) return problems;
  await kernelMount(image, ['ro'], (target) => Promise.resolve(void problems.push(...differences(expected, target))));
  return problems;
}

/** @param expected where the contents are put that the files should have. @returns what was not as it should be */
export async function exerciseMount(target: string, expected: string, remount: (target: string) => Promise<void>, features: readonly Feature[], { seed, operations, remounts, seconds }: DataRun): Promise<string | undefined> {
  const args = [target, seed, operations, remounts, expected, FAR, ...features].map(String);
  const child = spawn(await nativeProgram('exercise-file'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const deadline = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
  const ended = new Promise<string>((resolve) => child.on('close', (status, signal) => resolve(String(status ?? signal))));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'remount') {
      lines.push(line);
      continue;
    }
    await remount(target);
    child.stdin.write('go\n');
  }
  const end = await ended;
  clearTimeout(deadline);
  return end === '0' ? undefined : `exercise-file ended with ${end}:\n${lines.join('\n')}`;
}

/** Each file is named after the one below the mount, and the offset where its contents are. */
export function differences(expected: string, target: string): string[] {
  return readdirSync(expected).flatMap((entry) => {
    const [name = '', offset = ''] = entry.split('@');
    const [want, found] = [readFileSync(join(expected, entry)), readFileSync(join(target, name)).subarray(Number(offset))];
    return want.equals(found) ? [] : [`${name}: the kernel reads other contents (${found.length} bytes from ${offset} on, should be ${want.length})`];
  });
}
