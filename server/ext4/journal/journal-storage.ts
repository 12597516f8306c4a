import type { BlockDevice } from '../../device/block-device.js';
import type { DeviceWriter } from '../../device/device-job.js';
import { journalBlock, type JournalBlock } from '../units.js';
import type { JournalSource, PlacedJournal } from './source.js';

/**
 * Where a journal's blocks are written: on the filesystem's own device, or on one of its own, which
 * then also needs its own flushes.
 */
export class JournalStorage implements JournalSource {
  readonly blockSize: number;
  readonly blockCount: number;
  /** Whether the journal's device is not the filesystem's. */
  readonly separate: boolean;
  readonly #journal: PlacedJournal;
  readonly device: BlockDevice;

  constructor(journal: PlacedJournal, device: BlockDevice, separate: boolean) {
    this.blockSize = journal.blockSize;
    this.blockCount = journal.blockCount;
    this.separate = separate;
    this.#journal = journal;
    this.device = device;
  }

  /**
   * Sees to it that no write can miss its place.
   * @throws CorruptionError where one of the first `count` blocks has none
   */
  checkPlaces(count: number): void {
    for (let block = 0; block < count; ) block += this.#journal.adjoining(journalBlock(block), count - block);
  }

  read(block: JournalBlock, target: Uint8Array): void {
    this.#journal.read(block, target);
  }

  /** Writes `count` blocks to `first` and those after it, in as few writes as their places allow. @param to the device, or a job for it */
  write(bytes: Uint8Array, offset: number, first: JournalBlock, count: number, to: DeviceWriter = this.device): void {
    const { blockSize } = this;
    for (let done = 0; done < count; ) {
      const block = journalBlock(first + done);
      const length = this.#journal.adjoining(block, count - done);
      to.write(bytes, offset + done * blockSize, length * blockSize, this.#journal.place(block) * blockSize);
      done += length;
    }
  }

  flush(): void {
    this.device.flush();
  }
}
