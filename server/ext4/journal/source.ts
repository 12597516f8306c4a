import type { JournalBlock } from '../units.js';

/**
 * Where a journal's blocks are read from: the journal inode, whose logical blocks map to the
 * filesystem's device (internal-source.ts), or a device of its own (external-source.ts).
 */
export interface JournalSource {
  readonly blockSize: number;
  /** How many blocks there are, the journal's superblock (block 0) included. */
  readonly blockCount: number;

  /**
   * Fills target with one block; target.length is blockSize.
   * @throws DeviceError where it cannot be read, CorruptionError where it has no place on the device
   */
  read(block: JournalBlock, target: Uint8Array): void;
}

/** A journal that knows where on its device each of its blocks lies, as it must to be written. */
export interface PlacedJournal extends JournalSource {
  /**
   * The device's block that holds `block`.
   * @throws CorruptionError where it has no place
   */
  place(block: JournalBlock): number;
  /** How many blocks from `block` on, at most `most`, lie next to each other on the device. */
  adjoining(block: JournalBlock, most: number): number;
}

/** What a journal is replayed onto: every block that it names must lie within. */
export interface ReplayTarget {
  readonly blockSize: number;
  readonly blockCount: number;
  /** Bytes of an inode, the most that a fast commit holds of one. */
  readonly inodeSize: number;
}
