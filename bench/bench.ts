import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.js';
import type { Contender } from './contenders.js';
import type { Mounted } from './mounted.js';
import { attachLoop, detachLoop, dropCaches, warmFile, type Images } from './image.js';
import type { Course, Place, Row } from './rows/row.js';
import { forgetPeak, serverUsage } from './server-usage.js';
import type { Sizes } from './sizes.js';

/** One measurement of one row on one contender. */
export interface Sample {
  /** In the row's unit. */
  readonly value: number;
  /** Of the serving process during the measurement; absent for the kernel's driver. */
  readonly serverCpuSeconds?: number;
  /** The same for each GiB, or for each 1,000 operations. */
  readonly serverCpuPerWork?: number;
  readonly serverPeakRssMiB?: number;
}

/** What came of a row on a contender: samples, one a round, or why there are none. */
export interface Outcome {
  readonly samples: Sample[];
  failure?: string;
}

/** By row, then by contender. */
export type Outcomes = Map<Row, Map<Contender, Outcome>>;

export interface Plan {
  readonly courses: readonly Course[];
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  /** No round begins that would not be done by then, if it took as long as the longest before; counted from the start. */
  readonly minutes: number;
  readonly images: Images;
  /** The images lie in tmpfs: nothing drops them. */
  readonly inMemory: boolean;
  readonly sizes: Sizes;
  /** For copies of the image, and what rows need outside of the mount. */
  readonly scratch: string;
  readonly progress: (message: string) => void;
}

const canRun = (contender: Contender, { image, readsBigFile }: Course): boolean =>
  contender.isConstant === true ? readsBigFile === true : contender.canWrite || image === 'filled';

/**
 * Measures every row on every contender, once a round. Contenders take turns within a course, in an
 * order that moves by one each round, so that what the machine does meanwhile hits all of them alike.
 */
export async function measure(plan: Plan): Promise<Outcomes> {
  const { courses, contenders, rounds, minutes, progress } = plan;
  const outcomes: Outcomes = new Map(courses.flatMap(({ rows }) => rows.map((row) => [row, new Map<Contender, Outcome>()])));
  let longest = 0;
  for (let round = 0; round < rounds; round++) {
    if (performance.now() + longest > minutes * 60_000) {
      progress(`no time for round ${round + 1}`);
      break;
    }
    const began = performance.now();
    for (const course of courses) {
      for (let turn = 0; turn < contenders.length; turn++) {
        const contender = contenders[(turn + round) % contenders.length] as Contender;
        if (canRun(contender, course)) await measureCourse(plan, course, contender, new Progress(plan, outcomes, contender, round));
      }
    }
    const took = performance.now() - began;
    longest = Math.max(longest, took);
    progress(`round ${round + 1}/${rounds} took ${Math.round(took / 1000)} s`);
  }
  return outcomes;
}

/** Keeps what comes of the rows of one course on one contender. */
class Progress {
  readonly #plan: Plan;
  readonly #outcomes: Outcomes;
  readonly #contender: Contender;
  readonly #round: number;

  constructor(plan: Plan, outcomes: Outcomes, contender: Contender, round: number) {
    this.#plan = plan;
    this.#outcomes = outcomes;
    this.#contender = contender;
    this.#round = round;
  }

  #outcome(row: Row): Outcome {
    const byContender = this.#outcomes.get(row) as Map<Contender, Outcome>;
    const outcome = byContender.get(this.#contender) ?? { samples: [] };
    byContender.set(this.#contender, outcome);
    return outcome;
  }

  hasFailed(row: Row): boolean {
    return this.#outcome(row).failure !== undefined;
  }

  isDone(row: Row): boolean {
    return this.#outcome(row).samples.length > this.#round;
  }

  measured(row: Row, sample: Sample): void {
    this.#outcome(row).samples.push(sample);
    this.#say(row, `${sample.value.toPrecision(4)} ${row.unit}`);
  }

  failed(row: Row, reason: string): void {
    this.#outcome(row).failure = reason;
    this.#say(row, `failed: ${reason}`);
  }

  #say(row: Row, what: string): void {
    this.#plan.progress(`round ${this.#round + 1}/${this.#plan.rounds}  ${row.name}  ${this.#contender.name}: ${what}`);
  }
}

interface ServedPlace extends Place {
  readonly server: number | undefined;
  /** What has to be brought into memory before a row that wants it there. */
  readonly image?: string;
}

/** What fails in one round is not tried again in the next. */
async function measureCourse(plan: Plan, course: Course, contender: Contender, progress: Progress): Promise<void> {
  const rows = course.rows.filter((row) => !progress.hasFailed(row));
  if (rows.length === 0) return;
  const impossible = course.impossible?.();
  try {
    if (impossible !== undefined) throw new Error(impossible);
    await onMount(plan, course, contender, async (mounted, image) => {
      const place: Place = { mount: mounted.target, outside: plan.scratch, sizes: plan.sizes };
      try {
        await course.prepare?.(place);
        await measureRows(rows, course.isChain === true, { ...place, server: mounted.server, ...(plan.inMemory ? {} : { image }) }, progress);
      } finally {
        await course.finish?.(place);
      }
    });
  } catch (error) {
    const reason = reasonOf(error, plan.scratch);
    for (const row of rows) if (!progress.hasFailed(row) && !progress.isDone(row)) progress.failed(row, reason);
    // What the rows said before may not be on the device.
    const last = rows.at(-1);
    if (last !== undefined && !progress.hasFailed(last)) progress.failed(last, reason);
  }
}

async function measureRows(rows: readonly Row[], isChain: boolean, place: ServedPlace, progress: Progress): Promise<void> {
  for (const row of rows) {
    try {
      progress.measured(row, await measureRow(row, place));
    } catch (error) {
      if (isChain) throw error;
      progress.failed(row, reasonOf(error, place.outside));
    }
  }
}

/** What a table can show. */
function reasonOf(error: unknown, scratch: string): string {
  const message = (error instanceof Error ? error.message : String(error)).replaceAll(`${scratch}/`, '');
  return message.length > 300 ? `${message.slice(0, 140)} … ${message.slice(-140)}` : message;
}

async function onMount({ images, scratch }: Plan, { image: kind }: Course, contender: Contender, use: (mounted: Mounted, image: string) => Promise<void>): Promise<void> {
  const writes = kind === 'empty';
  const image = writes ? join(scratch, 'copy.img') : images.filled;
  if (writes) await run('cp', '--sparse=always', images.empty, image);
  const device = await attachLoop(image, !writes);
  try {
    const mounted = await contender.mount(device, join(scratch, 'mnt'), [writes ? 'rw' : 'ro']);
    try {
      await use(mounted, image);
    } finally {
      await mounted.unmount();
    }
  } finally {
    await detachLoop(device);
    if (writes) rmSync(image);
  }
}

/**
 * Where a row asks for it, the best of several tries. Some virtual machines get fresh memory from
 * their host at a tenth of its speed; which try that hits is chance, and a median of few tries would be too.
 */
async function measureRow(row: Row, place: ServedPlace): Promise<Sample> {
  await row.prepare?.(place);
  const tries: Sample[] = [];
  for (let count = 0; count < (row.tries ?? 1); count++) {
    if (row.caches !== 'warm') await dropCaches();
    if (row.caches === 'backing' && place.image !== undefined) await warmFile(place.image);
    tries.push(await measureOnce(row, place));
  }
  return tries.reduce((best, sample) => (sample.value > best.value ? sample : best));
}

async function measureOnce(row: Row, place: ServedPlace): Promise<Sample> {
  const { server } = place;
  if (server !== undefined) forgetPeak(server);
  const before = server === undefined ? undefined : serverUsage(server);
  const { amount, seconds } = await row.measure(place);
  const value = amount / seconds;
  if (!(value > 0 && value < Infinity)) throw new Error(`${amount} in ${seconds} s is no measurement`);
  if (server === undefined || before === undefined) return { value };
  const after = serverUsage(server);
  const serverCpuSeconds = after.cpuSeconds - before.cpuSeconds;
  const works = amount / (row.unit === 'MiB/s' ? 1024 : 1000);
  return { value, serverCpuSeconds, serverCpuPerWork: serverCpuSeconds / works, serverPeakRssMiB: after.peakRssMiB };
}
