import type { BlockDevice } from '../../device/block-device.js';
import { JOURNAL_MAGIC } from '../layout/journal.js';
import type { JournalBlock } from '../units.js';
import { OverlaidDevice } from './overlaid-device.js';
import type { ReplayedBlocks } from './replayed-blocks.js';
import type { JournalSource } from './source.js';

/**
 * A device as it would be with its journal replayed, without writing to it: blocks that the journal
 * has newer content for are read from there, all others from the device.
 */
export class RecoveredDevice extends OverlaidDevice {
  readonly #source: JournalSource;
  readonly #blocks: ReplayedBlocks;
  readonly #content: Uint8Array;

  constructor(device: BlockDevice, source: JournalSource, blocks: ReplayedBlocks) {
    super(device, source.blockSize);
    this.#source = source;
    this.#blocks = blocks;
    this.#content = new Uint8Array(source.blockSize);
  }

  protected get isPlain(): boolean {
    return this.#blocks.size === 0;
  }

  protected contentOf(block: number): Uint8Array | undefined {
    const location = this.#blocks.locate(block);
    if (location === null) return undefined;
    loadContent(this.#source, location, this.#blocks.isEscaped(block), this.#content);
    return this.#content;
  }
}

/** Reads a block's content from the log as it was before it was logged. */
export function loadContent(source: JournalSource, location: JournalBlock, escaped: boolean, content: Uint8Array): void {
  source.read(location, content);
  if (escaped) new DataView(content.buffer, content.byteOffset).setUint32(0, JOURNAL_MAGIC);
}
