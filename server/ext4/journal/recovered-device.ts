import type { BlockDevice } from '../../device/block-device.js';
import { DeviceError, errno } from '../errors.js';
import { JOURNAL_MAGIC } from '../layout/journal.js';
import type { JournalBlock } from '../units.js';
import type { ReplayedBlocks } from './replayed-blocks.js';
import type { JournalSource } from './source.js';

/**
 * A device as it would be with its journal replayed, without writing to it: blocks that the journal
 * has newer content for are read from there, all others from the device.
 */
export class RecoveredDevice implements BlockDevice {
  readonly size: number;
  readonly readOnly = true;
  readonly #device: BlockDevice;
  readonly #source: JournalSource;
  readonly #blocks: ReplayedBlocks;
  readonly #content: Uint8Array;

  constructor(device: BlockDevice, source: JournalSource, blocks: ReplayedBlocks) {
    this.size = device.size;
    this.#device = device;
    this.#source = source;
    this.#blocks = blocks;
    this.#content = new Uint8Array(source.blockSize);
  }

  keepSecret(memory: Uint8Array): void {
    this.#device.keepSecret?.(memory);
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): void {
    // The device judges the range, so that errors are the same with and without the overlay.
    this.#device.read(target, targetOffset, length, position);
    if (this.#blocks.size === 0 || length === 0) return;

    const { blockSize } = this.#source;
    const last = Math.floor((position + length - 1) / blockSize);
    for (let block = Math.floor(position / blockSize); block <= last; block++) {
      const location = this.#blocks.locate(block);
      if (location === null) continue;
      const start = block * blockSize;
      const from = Math.max(position, start);
      const to = Math.min(position + length, start + blockSize);
      this.#load(block, location);
      target.set(this.#content.subarray(from - start, to - start), targetOffset + from - position);
    }
  }

  write(): void {
    throw new DeviceError('the journal of a read-only filesystem is recovered in memory only', errno.EROFS);
  }

  flush(): void {
    // Nothing is ever written.
  }

  discard(): boolean {
    return false;
  }

  willNeed(position: number, length: number): void {
    this.#device.willNeed(position, length);
  }

  close(): void {
    this.#device.close();
  }

  #load(block: number, location: JournalBlock): void {
    loadContent(this.#source, location, this.#blocks.isEscaped(block), this.#content);
  }
}

/** Reads a block's content from the log as it was before it was logged. */
export function loadContent(source: JournalSource, location: JournalBlock, escaped: boolean, content: Uint8Array): void {
  source.read(location, content);
  if (escaped) new DataView(content.buffer, content.byteOffset).setUint32(0, JOURNAL_MAGIC);
}
