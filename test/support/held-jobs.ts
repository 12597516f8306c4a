import { DeviceJob, type JobRunner } from '../../server/device/device-job.js';
import { InlineJobs } from '../../server/device/inline-jobs.js';

/** Carries out a job step by step, when it is told to: what a thread might have done by then. */
export class HeldJobs implements JobRunner {
  /** Jobs that were carried out by `advance`, and not by `finish`. */
  ended = 0;
  readonly #inline = new InlineJobs();
  #job: DeviceJob | undefined;
  #next = 0;
  #failure: { readonly error: unknown } | undefined;
  #isAdvancing = false;

  get isRunning(): boolean {
    return this.#job !== undefined;
  }

  start(job: DeviceJob): void {
    if (this.#job !== undefined) throw new Error('a job is under way already');
    this.#failure = undefined;
    this.#next = 0;
    this.#job = job;
  }

  /** Carries out so many more steps. May be called by a device that is written to. */
  advance(steps: number): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    for (let left = steps; left > 0 && this.#job !== undefined; left--) this.#step();
    this.#isAdvancing = false;
  }

  finish(): void {
    while (this.#job !== undefined) this.advance(1);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  close(): void {
    // Nothing goes on by itself.
  }

  #step(): void {
    const { steps } = this.#job as DeviceJob;
    const step = steps[this.#next++];
    if (step !== undefined) {
      const single = new DeviceJob();
      single.steps.push(step);
      this.#inline.start(single);
      try {
        this.#inline.finish();
      } catch (error) {
        this.#failure = { error };
      }
    }
    if (this.#next < steps.length && this.#failure === undefined) return;
    this.#job = undefined;
    this.ended++;
  }
}
