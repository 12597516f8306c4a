import type { BlockDevice } from '../../../device/block-device.js';
import { DeviceError, errno } from '../../errors.js';

/** A device with some of its blocks replaced in memory. What replaces them is kept as long as the device. */
export class EditedDevice implements BlockDevice {
  readonly size: number;
  readonly readOnly = true;
  readonly #device: BlockDevice;
  readonly #blockSize: number;
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(device: BlockDevice, blockSize: number) {
    this.size = device.size;
    this.#device = device;
    this.#blockSize = blockSize;
  }

  keepSecret(memory: Uint8Array): void {
    this.#device.keepSecret?.(memory);
  }

  /** The blocks that were replaced, in no order. */
  get replaced(): Iterable<readonly [block: number, content: Uint8Array]> {
    return this.#blocks;
  }

  /** Replaces a block by a copy of `content`. */
  replace(block: number, content: Uint8Array): void {
    const known = this.#blocks.get(block);
    // A copy in memory of its own: `content` may be a cached block's, and shared.
    if (known === undefined) this.#blocks.set(block, new Uint8Array(content));
    else known.set(content);
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): void {
    this.#device.read(target, targetOffset, length, position);
    const last = Math.floor((position + length - 1) / this.#blockSize);
    for (let block = Math.floor(position / this.#blockSize); block <= last; block++) {
      const content = this.#blocks.get(block);
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

  willNeed(position: number, length: number): void {
    this.#device.willNeed(position, length);
  }

  close(): void {
    this.#device.close();
  }
}
