import { serverShim } from '../native/shim.js';
import type { DescriptorDevice } from './descriptor-device.js';
import { NANOSECONDS, NUMBERS_PER_STEP, WITHOUT_ARRAY } from './job-step.js';

const NO_ARRAYS: readonly Uint8Array[] = [];

export interface FetchEnd {
  /** How long it took. */
  readonly milliseconds: number;
  /** Where it cannot be read. */
  readonly unreadable: number | undefined;
}

/**
 * A thread that waits for what the device has begun to read, one range at a time; the end of each interrupts the caller's
 * wait for requests. What was read is found in the machine's cache then.
 */
export class Fetching {
  readonly #thread: object;
  readonly #device: DescriptorDevice;
  readonly #step = new Float64Array(NUMBERS_PER_STEP);
  readonly #outcome = new Float64Array(2);
  #isFetching = false;
  #position = 0;

  private constructor(thread: object, device: DescriptorDevice) {
    this.#thread = thread;
    this.#device = device;
  }

  /** @returns undefined where no thread can be had */
  static start(device: DescriptorDevice): Fetching | undefined {
    const thread = serverShim.startJobThread();
    return typeof thread === 'number' ? undefined : new Fetching(thread, device);
  }

  get isUnderWay(): boolean {
    return this.#isFetching && serverShim.jobRuns(this.#thread) > 0;
  }

  /** Whether that is what is waited for. */
  isAt(position: number): boolean {
    return this.#position === position && this.isUnderWay;
  }

  /** @param length at most 64 KiB @returns false where something else is waited for */
  begin(position: number, length: number): boolean {
    if (this.isUnderWay) return false;
    this.#position = position;
    this.#step.set([this.#device.descriptor, WITHOUT_ARRAY.fetch, 0, length, this.#device.placeOf(position, length)]);
    this.#isFetching = serverShim.startJob(this.#thread, this.#step, 1, NO_ARRAYS) === 0;
    return this.#isFetching;
  }

  /** Once for each that has ended; undefined: none has since. */
  takeEnded(): FetchEnd | undefined {
    if (!this.#isFetching || this.isUnderWay) return undefined;
    const isThere = serverShim.finishJob(this.#thread, this.#outcome) === 0;
    this.#isFetching = false;
    return { milliseconds: (this.#outcome[1] as number) / NANOSECONDS, unreadable: isThere ? undefined : this.#position };
  }

  close(): void {
    serverShim.stopJobThread(this.#thread);
  }
}
