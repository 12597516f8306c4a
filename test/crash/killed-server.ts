/** Kills the server under load, again and again on one image, and looks at what recovery leaves. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, copyFileSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, statSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { attempt, run } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte, type ImageRecipe } from '../support/image.js';
import { fuse4fs, fuseMount, kernelMount } from '../support/mount.js';
import { mountSource } from '../support/mount-source.js';
import { nativeProgram } from '../support/native.js';
import { Random } from '../support/random.js';
import { serverOf } from '../support/server.js';
import { survey } from './acknowledged.js';
import { repairsTooMuch } from './crash-points.js';

export interface KilledKind {
  readonly name: string;
  readonly recipe: ImageRecipe;
}

const size = 160 * mebibyte;

export const killedKinds: readonly KilledKind[] = [
  { name: 'ext4', recipe: { size } },
  { name: 'ext3, 1 KiB blocks', recipe: { type: 'ext3', blockSize: 1024, size } },
  { name: 'inline data, orphan_file, 1 KiB blocks', recipe: { blockSize: 1024, features: ['inline_data', 'orphan_file'], size } },
  { name: 'bigalloc', recipe: { features: ['bigalloc'], arguments: ['-C', '16384'], size } },
];

export interface KilledRun {
  readonly seed: number;
  readonly rounds: number;
}

export interface KilledResult {
  readonly problems: readonly string[];
  readonly acknowledgements: number;
}

const PROCESSES = 4;
/** Longer than any round; the mount's death ends them. */
const LOAD_SECONDS = 60;
const [SHORTEST, LONGEST] = [500, 3000];
const LOOK = 10;
/** Whatever a file shows of this was never written by anyone who is still there. Not a byte that exercise-tree writes. */
const MARKER = 0xee;
const writer = join(dirname(fileURLToPath(import.meta.url)), 'acknowledging-writer.js');

export async function killRepeatedly(directory: string, { name, recipe }: KilledKind, { seed, rounds }: KilledRun): Promise<KilledResult> {
  const random = new Random(seed);
  const image = await makeImage(directory, recipe, name.replace(/\W+/g, '-'));
  await kernelMount(image, [], (target) => Promise.resolve(markFreeSpace(join(target, 'marker'))));
  const problems: string[] = [];
  let acknowledgements = 0;
  for (let round = 0; round < rounds && problems.length === 0; round++) {
    const log = join(directory, `acknowledged-${round}`);
    writeFileSync(log, '');
    const milliseconds = SHORTEST + random.below(LONGEST - SHORTEST);
    problems.push(...(await loadAndKill(image, round, log, random.word(), milliseconds)));

    const examine = async (who: string, target: string): Promise<void> => {
      const { acknowledgements: count, lost } = survey(join(target, `round-${round}`), log);
      if (who === 'kernel') acknowledgements += count;
      const { status, stdout } = await attempt(await nativeProgram('exercise-tree'), ['--verify', join(target, 'tree')]);
      const foreign = status === 0 ? [] : [stdout.toString()];
      problems.push(...[...lost, ...foreign].map((text) => `round ${round}, killed after ${milliseconds} ms, recovered by ${who}: ${text}`));
    };
    const copy = `${image}.copy`;
    copyFileSync(image, copy);
    problems.push(...(await repair(copy)));
    await kernelMount(copy, ['ro'], (target) => examine('kernel', target));
    await fuseMount(image, [], (target) => examine('us', target));
    const complaints = await e2fsckComplaints(image);
    if (complaints !== undefined) problems.push(`round ${round}, recovered by us: ${complaints}`);
    if (problems.length === 0) rmSync(copy);
  }
  return { problems, acknowledgements };
}

function markFreeSpace(path: string): void {
  const descriptor = openSync(path, 'w');
  const bytes = new Uint8Array(mebibyte).fill(MARKER);
  try {
    for (;;) writeSync(descriptor, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  fsyncSync(descriptor);
  closeSync(descriptor);
  unlinkSync(path);
}

const ended = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => child.on('close', resolve));

/** Leaves the image as the server's death left it. */
async function loadAndKill(image: string, round: number, log: string, seed: number, milliseconds: number): Promise<string[]> {
  const target = mkdtempSync(join(dirname(image), 'killed-'));
  const source = mountSource(image);
  try {
    await run(process.execPath, [fuse4fs, ...source.words(target, ['nodev'])]);
    const [tree, own] = [join(target, 'tree'), join(target, `round-${round}`)];
    mkdirSync(tree, { recursive: true });
    mkdirSync(own);
    const server = await serverOf(target);
    const load = spawn(await nativeProgram('exercise-tree'), [tree, seed, PROCESSES, LOAD_SECONDS, 'mortal'].map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
    const output: string[] = [];
    load.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    const writing = spawn(process.execPath, [writer, own, log, String(seed)], { stdio: 'inherit' });
    const ends = Promise.all([ended(load), ended(writing)]);
    // Programs may take long to start; from then on the instant is what is random, and nothing waits for anything.
    while (statSync(log).size === 0 && writing.exitCode === null) await delay(LOOK);
    await delay(milliseconds);
    process.kill(server, 'SIGKILL');
    const [loadStatus, writerStatus] = await ends;
    await run('umount', [target]);
    return [
      ...(loadStatus === 0 ? [] : [`round ${round}: exercise-tree ended with ${String(loadStatus)}: ${output.join('')}`]),
      ...(writerStatus === 0 ? [] : [`round ${round}: the writer ended with ${String(writerStatus)}`]),
    ];
  } finally {
    await attempt('umount', ['-l', target]);
    source.release();
    rmdirSync(target);
  }
}

/** Beyond replaying the journal and finishing deletions there is nothing for e2fsck to put right. */
async function repair(image: string): Promise<string[]> {
  const { status, stdout } = await attempt('e2fsck', ['-f', '-y', image]);
  const text = stdout.toString();
  const complaints = await e2fsckComplaints(image);
  if ((status === 0 || status === 1) && !repairsTooMuch(text) && complaints === undefined) return [];
  return [`e2fsck -fy of a copy: status ${String(status)}\n${text}${complaints ?? ''}`];
}
