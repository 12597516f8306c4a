import type { BlockDevice } from '../../device/block-device.js';
import { DeviceError, errno } from '../errors.js';

/** A device in which some blocks show other contents than it holds, and which is never written. */
export abstract class OverlaidDevice implements BlockDevice {
  readonly size: number;
  readonly readOnly = true;
  readonly #device: BlockDevice;
  readonly #blockSize: number;

  constructor(device: BlockDevice, blockSize: number) {
    this.size = device.size;
    this.#device = device;
    this.#blockSize = blockSize;
  }

  /** Whether no block shows anything else. */
  protected abstract get isPlain(): boolean;

  /** What a block shows, valid until the next call; undefined where that is what the device holds. */
  protected abstract contentOf(block: number): Uint8Array | undefined;

  read(target: Uint8Array, targetOffset: number, length: number, position: number): void {
    // The device judges the range, so that errors are the same with and without the overlay.
    this.#device.read(target, targetOffset, length, position);
    if (this.isPlain || length === 0) return;

    const last = Math.floor((position + length - 1) / this.#blockSize);
    for (let block = Math.floor(position / this.#blockSize); block <= last; block++) {
      const content = this.contentOf(block);
      if (content === undefined) continue;
      const start = block * this.#blockSize;
      const from = Math.max(position, start);
      const to = Math.min(position + length, start + this.#blockSize);
      target.set(content.subarray(from - start, to - start), targetOffset + from - position);
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

  keepSecret(memory: Uint8Array): void {
    this.#device.keepSecret?.(memory);
  }

  willNeed(position: number, length: number): void {
    this.#device.willNeed(position, length);
  }

  close(): void {
    this.#device.close();
  }
}
