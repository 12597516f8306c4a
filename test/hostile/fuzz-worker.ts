/** Damages and reads, or writes to, image after image, and says what it is at; the runner watches and ends it where it hangs. */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { anatomyOf, type Anatomy } from './anatomy.js';
import { damage, undo } from './damage.js';
import { exercise, type Outcome } from './exercise.js';
import type { FuzzBase } from './fuzz-images.js';
import type { Soundness } from './judge.js';
import { writeAndJudge } from './write-and-judge.js';

export interface FuzzWork {
  readonly bases: readonly FuzzBase[];
  readonly first: number;
  readonly end: number;
  /** Each is written to, and every so-manieth is judged by e2fsck and its contents. Undefined: they are only read. */
  readonly judgeEvery?: number | undefined;
  /** Int32: [seed being read, operations done]. */
  readonly progress: SharedArrayBuffer;
}

export type FuzzReport =
  | { readonly type: 'read'; readonly seed: number; readonly outcome: Outcome; readonly kinds: readonly string[]; readonly soundness?: Soundness | undefined }
  | { readonly type: 'failed'; readonly seed: number; readonly error: string };

/** Beyond what an empty process holds: caches, and the images themselves. */
const MOST_MEMORY = 192 << 20;
const MOST_CPU_MILLISECONDS = 1000;

const MOST_LINES = 10;

interface Subject {
  readonly device: MemoryDevice;
  readonly anatomy: Anatomy;
}

const load = ({ path }: FuzzBase): Subject => {
  const bytes = new Uint8Array(readFileSync(path));
  return { device: new MemoryDevice(bytes, true), anatomy: anatomyOf(bytes) };
};

/** The base that a seed damages: the seed alone says everything. */
export const baseOf = <Base>(bases: readonly Base[], seed: number): Base => bases[seed % bases.length] as Base;

const memoryInUse = (): number => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Beyond what reading needs: three copies of the image, which the collector may leave for a while. */
const MEMORY_TO_WRITE = 256 << 20;

function tryOne({ device, anatomy }: Subject, seed: number, judgeEvery: number | undefined, beat: () => void, memoryAtStart: number): FuzzReport {
  const changes = damage(device.bytes, anatomy, new Random(seed));
  try {
    const judged = judgeEvery === undefined ? undefined : writeAndJudge(device.bytes, seed, seed % judgeEvery === 0, beat);
    const outcome = judged ?? exercise(device, beat);
    const memory = memoryInUse() - memoryAtStart;
    if (memory > MOST_MEMORY + (judged === undefined ? 0 : MEMORY_TO_WRITE)) return { type: 'failed', seed, error: `holds ${memory >> 20} MiB` };
    if (outcome.longest > MOST_CPU_MILLISECONDS) return { type: 'failed', seed, error: `one operation took ${outcome.longest.toFixed(0)} ms of CPU time` };
    if (judged !== undefined && judged.worse.length > 0) return { type: 'failed', seed, error: `is worse than before (it was ${judged.soundness ?? ''}):\n${judged.worse.slice(0, MOST_LINES).join('\n')}` };
    const { refused, entries, errors, longest } = outcome;
    const kinds = [...new Set(changes.map(({ kind }) => kind))];
    return { type: 'read', seed, outcome: { ...(refused !== undefined && { refused }), entries, errors, longest }, kinds, soundness: judged?.soundness };
  } catch (error) {
    return { type: 'failed', seed, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    undo(device.bytes, changes);
  }
}

function work({ bases, first, end, judgeEvery, progress }: FuzzWork, report: (message: FuzzReport) => void): void {
  const subjects = bases.map(load);
  const counters = new Int32Array(progress);
  const memoryAtStart = memoryInUse();
  for (let seed = first; seed < end; seed++) {
    Atomics.store(counters, 0, seed);
    report(tryOne(baseOf(subjects, seed), seed, judgeEvery, () => Atomics.add(counters, 1, 1), memoryAtStart));
  }
}

if (parentPort !== null) {
  const port = parentPort;
  work(workerData as FuzzWork, (message) => port.postMessage(message));
}
