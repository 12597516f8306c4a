import { serverShim } from '../native/shim.js';
import type { BlockDevice } from './block-device.js';
import { DescriptorDevice } from './descriptor-device.js';
import type { DeviceJob, JobRunner } from './device-job.js';
import { InlineJobs } from './inline-jobs.js';
import { NANOSECONDS, NUMBERS_PER_STEP, WITHOUT_ARRAY } from './job-step.js';
import { writesBehind } from './writes-behind.js';

/** Bytes that a quick device writes sooner than two threads wake each other. */
const LITTLE = 256 << 10;
/** What it costs that two threads wake each other, at most, in milliseconds. */
const SOON = 0.1;

/**
 * Has a thread of its own carry out jobs. The caller does it himself where little was written since
 * the last job and that job took less than a tenth of a millisecond: waking two threads would cost more.
 */
export class ThreadedJobs implements JobRunner {
  readonly #thread: object;
  readonly #inline = new InlineJobs();
  readonly #device: BlockDevice;
  readonly #soon: number;
  readonly #outcome = new Float64Array(2);
  readonly #arrays: Uint8Array[] = [];
  #numbers = new Float64Array(NUMBERS_PER_STEP * 64);
  /** Of the job in the thread's hands. */
  #job: DeviceJob | undefined;
  #writtenBefore = 0;
  /** Not a number until there was a job. */
  #lastMilliseconds = NaN;

  private constructor(thread: object, device: BlockDevice, soon: number) {
    this.#thread = thread;
    this.#device = device;
    this.#soon = soon;
  }

  /**
   * @param device whose bytes written tell how much there is to flush
   * @param soon what the last job may have taken for a caller to do the next one himself, in milliseconds
   * @returns undefined where no thread can be had
   */
  static start(device: DescriptorDevice, soon = SOON): ThreadedJobs | undefined {
    const thread = serverShim.startJobThread();
    return typeof thread === 'number' ? undefined : new ThreadedJobs(thread, device, soon);
  }

  get isRunning(): boolean {
    return this.#job !== undefined && serverShim.jobRuns(this.#thread) > 0;
  }

  start(job: DeviceJob): void {
    if (this.#isQuick(job) || !this.#handOver(job)) this.#carryOut(job);
    this.#writtenBefore = this.#bytesWritten;
  }

  finish(): void {
    const job = this.#job;
    if (job === undefined) return this.#inline.finish();
    const result = serverShim.finishJob(this.#thread, this.#outcome);
    this.#job = undefined;
    this.#arrays.length = 0;
    const [done = 0, nanoseconds = 0] = this.#outcome;
    this.#lastMilliseconds = nanoseconds / NANOSECONDS;
    if (result === 0) return;
    const step = job.steps[done];
    throw (step?.device as DescriptorDevice).failure(typeof step?.bytes === 'string' ? undefined : step, -result);
  }

  close(): void {
    serverShim.stopJobThread(this.#thread);
  }

  get #bytesWritten(): number {
    return this.#device.bytesWritten ?? 0;
  }

  #isQuick({ steps }: DeviceJob): boolean {
    if (!(this.#lastMilliseconds <= this.#soon) || writesBehind.areSome) return false;
    let bytes = this.#bytesWritten - this.#writtenBefore;
    for (const { length } of steps) bytes += length;
    return bytes <= LITTLE;
  }

  #carryOut(job: DeviceJob): void {
    const begin = performance.now();
    this.#inline.start(job);
    this.#lastMilliseconds = performance.now() - begin;
  }

  /** @returns false where the thread cannot know where to write */
  #handOver(job: DeviceJob): boolean {
    const { steps } = job;
    if (this.#numbers.length < steps.length * NUMBERS_PER_STEP) this.#numbers = new Float64Array(2 * steps.length * NUMBERS_PER_STEP);
    const numbers = this.#numbers;
    const arrays = this.#arrays;
    let at = 0;
    for (const { device, bytes, offset, length, position } of steps) {
      if (!(device instanceof DescriptorDevice)) return false;
      const isWrite = typeof bytes !== 'string';
      if (isWrite && arrays[arrays.length - 1] !== bytes) arrays.push(bytes);
      numbers[at++] = device.descriptor;
      numbers[at++] = isWrite ? arrays.length - 1 : WITHOUT_ARRAY[bytes];
      numbers[at++] = offset;
      numbers[at++] = length;
      numbers[at++] = isWrite ? device.placeToWrite(position, length) : 0;
    }
    const isTaken = serverShim.startJob(this.#thread, numbers, steps.length, arrays) === 0;
    if (isTaken) this.#job = job;
    return isTaken;
  }
}
