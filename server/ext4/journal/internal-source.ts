import type { BlockDevice } from '../../device/block-device.js';
import { CorruptionError } from '../errors.js';
import type { InodeNumber, JournalBlock } from '../units.js';
import type { PlacedJournal } from './source.js';

/** A run of the journal inode's blocks that lie next to each other on the device. */
export interface JournalRun {
  /** First block within the journal. */
  readonly logical: number;
  readonly length: number;
  /** First block on the device. */
  readonly physical: number;
}

/**
 * The journal in an inode of the filesystem itself. It knows where its blocks are from before the
 * recovery, and reads the bare device: what is replayed never changes what is read here.
 */
export class InternalJournal implements PlacedJournal {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly #device: BlockDevice;
  readonly #inode: InodeNumber;
  readonly runs: readonly JournalRun[];

  /** @param runs in ascending order; what lies between them is a hole */
  constructor(device: BlockDevice, blockSize: number, blockCount: number, inode: InodeNumber, runs: readonly JournalRun[]) {
    this.blockSize = blockSize;
    this.blockCount = blockCount;
    this.#device = device;
    this.#inode = inode;
    this.runs = runs;
  }

  read(block: JournalBlock, target: Uint8Array): void {
    this.#device.read(target, 0, this.blockSize, this.place(block) * this.blockSize);
  }

  place(block: JournalBlock): number {
    const run = this.#run(block);
    return run.physical + block - run.logical;
  }

  adjoining(block: JournalBlock, most: number): number {
    const run = this.#run(block);
    return Math.min(run.logical + run.length - block, most);
  }

  #run(block: JournalBlock): JournalRun {
    const run = this.runs[this.#lastRunUpTo(block)];
    if (run === undefined || block >= run.logical + run.length) {
      throw new CorruptionError('journal block', { inode: this.#inode, block }, 'the journal has a hole here');
    }
    return run;
  }

  #lastRunUpTo(block: JournalBlock): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.runs[middle] as JournalRun).logical <= block) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
