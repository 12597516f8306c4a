/** Runs the fuzzer over a range of seeds in a worker, with a watchdog, and keeps the images that failed. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Random } from '../support/random.js';
import { anatomyOf } from './anatomy.js';
import { damage } from './damage.js';
import type { FuzzBase } from './fuzz-images.js';
import { baseOf, type FuzzReport, type FuzzWork } from './fuzz-worker.js';

export interface FuzzFailure {
  readonly seed: number;
  readonly base: string;
  readonly error: string;
  readonly image: string;
}

export interface FuzzSummary {
  readonly images: number;
  readonly refused: number;
  /** Opened, and damage was met. */
  readonly complained: number;
  readonly failures: readonly FuzzFailure[];
  /** Images by the structure that was damaged. */
  readonly kinds: ReadonlyMap<string, number>;
  readonly longest: number;
  /** Where they were written to: images by what e2fsck made of them before. */
  readonly soundness: ReadonlyMap<string, number>;
}

export interface FuzzOptions {
  readonly bases: readonly FuzzBase[];
  readonly seed: number;
  readonly count: number;
  readonly failuresDirectory: string;
  /** Write to each, and judge every so-manieth. */
  readonly judgeEvery?: number | undefined;
  readonly onProgress?: (images: number) => void;
}

/** Wall clock without one finished operation; generous, because the machine may be busy with other things. */
const SILENCE = 120_000;
const MOST_FAILURES = 20;

interface Stop {
  readonly seed: number;
  readonly error: string;
}

class Run {
  images = 0;
  refused = 0;
  complained = 0;
  longest = 0;
  readonly failures: FuzzFailure[] = [];
  readonly kinds = new Map<string, number>();
  readonly soundness = new Map<string, number>();
  readonly #options: FuzzOptions;

  constructor(options: FuzzOptions) {
    this.#options = options;
  }

  async all(): Promise<void> {
    const { seed, count } = this.#options;
    for (let first = seed; first < seed + count && this.failures.length < MOST_FAILURES; ) {
      const stop = await this.#work(first, seed + count);
      if (!stop) return;
      this.#fail(stop.seed, stop.error);
      first = stop.seed + 1;
    }
  }

  /** One worker's life: to the end of the range, or to the image that hung or killed it. */
  #work(first: number, end: number): Promise<Stop | undefined> {
    const progress = new SharedArrayBuffer(8);
    const counters = new Int32Array(progress);
    const { bases, judgeEvery } = this.#options;
    const work: FuzzWork = { bases, first, end, judgeEvery, progress };
    const worker = new Worker(new URL('./fuzz-worker.js', import.meta.url), { workerData: work, resourceLimits: { maxOldGenerationSizeMb: 512 } });
    return new Promise((resolve) => {
      let [operations, since] = [-1, Date.now()];
      const watchdog = setInterval(() => {
        const done = Atomics.load(counters, 1);
        if (done !== operations) [operations, since] = [done, Date.now()];
        else if (Date.now() - since > SILENCE) finish({ seed: Atomics.load(counters, 0), error: `hangs: no operation ended in ${SILENCE} ms` });
      }, 500);
      const finish = (stop: Stop | undefined): void => {
        clearInterval(watchdog);
        void worker.terminate();
        resolve(stop);
      };
      worker.on('message', (message: FuzzReport) => this.#record(message));
      worker.on('error', (error) => finish({ seed: Atomics.load(counters, 0), error: error.stack ?? error.message }));
      worker.on('exit', () => finish(undefined));
    });
  }

  #record(report: FuzzReport): void {
    this.images++;
    if (report.type === 'failed') return this.#fail(report.seed, report.error);
    const { outcome, kinds, soundness } = report;
    if (outcome.refused !== undefined) this.refused++;
    else if (outcome.errors > 0) this.complained++;
    this.longest = Math.max(this.longest, outcome.longest);
    for (const kind of kinds) this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
    if (soundness !== undefined) this.soundness.set(soundness, (this.soundness.get(soundness) ?? 0) + 1);
    if (this.images % 500 === 0) this.#options.onProgress?.(this.images);
  }

  #fail(seed: number, error: string): void {
    if (this.failures.length >= MOST_FAILURES) return;
    const base = baseOf(this.#options.bases, seed);
    const bytes = new Uint8Array(readFileSync(base.path));
    damage(bytes, anatomyOf(bytes), new Random(seed));
    mkdirSync(this.#options.failuresDirectory, { recursive: true });
    const image = join(this.#options.failuresDirectory, `fuzz-${base.name}-${seed}.img`);
    writeFileSync(image, bytes);
    this.failures.push({ seed, base: base.name, error, image });
  }
}

export async function fuzz(options: FuzzOptions): Promise<FuzzSummary> {
  const run = new Run(options);
  await run.all();
  return run;
}
