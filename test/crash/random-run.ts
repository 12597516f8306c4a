import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cannotUseLoopDevices } from '../support/machine.js';
import { MemoryDevice } from '../support/memory-device.js';
import { kernelMount } from '../support/mount.js';
import { Random } from '../support/random.js';
import { differencesFromModel, differencesOfMount } from './compare.js';
import { Exerciser } from './exerciser.js';
import { complaintsAbout, imageBytes, openWritable, type ImageKind } from './images.js';

export interface RandomRun {
  readonly seed: number;
  /** Operations between two unmounts. */
  readonly steps: number;
  readonly rounds: number;
}

export interface RandomResult {
  readonly problems: readonly string[];
  /** How many operations ended how. */
  readonly outcomes: string;
}

/** The kernel maps no blocks that are larger than its pages. */
const KERNEL_PAGE = 4096;

/** One filesystem from mke2fs through random operations and remounts; images with complaints stay in `directory`. */
export async function exerciseRandomly(directory: string, { recipe }: ImageKind, { seed, steps, rounds }: RandomRun): Promise<RandomResult> {
  const problems: string[] = [];
  const bytes = await imageBytes(directory, recipe);
  let writable = openWritable(new MemoryDevice(bytes));
  const exerciser = new Exerciser(writable, new Random(seed));
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < steps; step++) exerciser.step();
    problems.push(...differencesFromModel(writable.filesystem, exerciser.root));
    // Files that are open without a name: closed first, or by the unmount.
    if (round % 2 === 1) exerciser.closeAll();
    exerciser.unnamed.length = 0;
    writable.close();
    const complaints = await complaintsAbout(directory, bytes);
    if (complaints !== undefined) problems.push(`after ${exerciser.operations} operations: ${complaints}`);
    writable = openWritable(new MemoryDevice(bytes));
    exerciser.writable = writable;
    problems.push(...differencesFromModel(writable.filesystem, exerciser.root));
  }
  writable.close();
  const outcomes = [...exerciser.outcomes].map(([outcome, count]) => `${count} ended with ${outcome}`).join(', ');
  if (cannotUseLoopDevices() !== false || (recipe.blockSize ?? 0) > KERNEL_PAGE) return { problems, outcomes };
  const image = join(directory, `seed-${seed}.img`);
  writeFileSync(image, bytes);
  await kernelMount(image, ['ro'], (target) => {
    problems.push(...differencesOfMount(target, exerciser.root));
    return Promise.resolve();
  });
  return { problems, outcomes };
}
