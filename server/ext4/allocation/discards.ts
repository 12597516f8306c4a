import type { BlockDevice } from '../../device/block-device.js';
import { UnsupportedError, type FilesystemError } from '../errors.js';
import type { TransactionListener } from '../journal/transaction-listener.js';
import type { PhysicalBlock } from '../units.js';

interface FreedRun {
  readonly start: number;
  end: number;
}

/**
 * Tells the device what became free (-o discard), once the transaction that freed it is durable and
 * before anything can be allocated there again. Runs that touch are told as one.
 */
export class Discards implements TransactionListener {
  readonly #device: BlockDevice;
  readonly #blockSize: number;
  readonly #report: (problem: FilesystemError) => void;
  readonly #freed: FreedRun[] = [];
  #supported = true;

  constructor(device: BlockDevice, blockSize: number, report: (problem: FilesystemError) => void) {
    this.#device = device;
    this.#blockSize = blockSize;
    this.#report = report;
  }

  /** The run became free with the transaction that is being committed. */
  add(start: PhysicalBlock, length: number): void {
    if (this.#supported) this.#freed.push({ start, end: start + length });
  }

  committed(): void {
    this.#freed.sort((one, other) => one.start - other.start);
    let run: FreedRun | undefined;
    for (const next of this.#freed) {
      if (run !== undefined && run.end === next.start) {
        run.end = next.end;
        continue;
      }
      this.#discard(run);
      run = next;
    }
    this.#discard(run);
    this.#freed.length = 0;
  }

  #discard(run: FreedRun | undefined): void {
    if (run === undefined || !this.#supported) return;
    this.#supported = this.#device.discard(run.start * this.#blockSize, (run.end - run.start) * this.#blockSize);
    if (!this.#supported) this.#report(new UnsupportedError('the device takes no discards: option "discard" has no effect'));
  }
}
