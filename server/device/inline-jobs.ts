import type { DeviceJob, JobRunner } from './device-job.js';

/** Carries out a job while its caller waits. */
export class InlineJobs implements JobRunner {
  readonly isRunning = false;
  #failure: { readonly error: unknown } | undefined;

  start({ steps }: DeviceJob): void {
    this.#failure = undefined;
    try {
      for (const { device, bytes, offset, length, position } of steps) {
        if (bytes === 'flush') device.flush();
        else if (bytes === 'settle') device.settle?.();
        else device.write(bytes, offset, length, position);
      }
    } catch (error) {
      this.#failure = { error };
    }
  }

  finish(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  close(): void {
    // Nothing goes on.
  }
}
