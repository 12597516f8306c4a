import type { BlockDevice } from '../../device/block-device.js';
import { HomeWriter } from './home-writer.js';
import type { CommittingTransaction, TransactionSink } from './transaction-sink.js';

/** Blocks of a transaction are kept in memory until it commits: this bounds them, in bytes. */
const MOST_BYTES = 32 << 20;

/**
 * What a filesystem without a journal has instead of a log: a transaction goes home at once. A crash
 * in its midst leaves parts of it, for e2fsck to put right, as with the kernel.
 */
export class NoLog implements TransactionSink {
  readonly capacity: number;
  readonly revokesPerBlock = Infinity;
  readonly flushesData = true;
  readonly isTight = false;
  isBusy = false;
  readonly #device: BlockDevice;
  readonly #writer: HomeWriter;
  readonly #barriers: boolean;

  constructor(device: BlockDevice, blockSize: number, barriers: boolean) {
    this.capacity = MOST_BYTES / blockSize;
    this.#device = device;
    this.#writer = new HomeWriter(blockSize);
    this.#barriers = barriers;
  }

  commit({ blocks }: CommittingTransaction): void {
    const sorted = [...blocks].sort((a, b) => a.number - b.number);
    const { mostBlocks } = this.#writer;
    for (let from = 0; from < sorted.length; from += mostBlocks) this.#writer.write(sorted.slice(from, from + mostBlocks), this.#device);
    if (this.#barriers) this.#device.flush();
    this.isBusy = true;
  }

  flush(): void {
    this.#device.flush();
    this.isBusy = true;
  }

  collect(): boolean {
    const wasBusy = this.isBusy;
    this.isBusy = false;
    return wasBusy;
  }

  relieve(): void {
    // Everything committed is at home.
  }

  preserve(): void {
    // Everything committed is at home.
  }

  checkpoint(): void {
    // Everything committed is at home.
  }

  abort(): void {
    // There is nowhere to note it but the filesystem's superblock.
  }

  close(): void {
    this.#device.flush();
  }
}
