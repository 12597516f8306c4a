import { readFileSync } from 'node:fs';
import type { BlockDevice } from '../../server/device/block-device.js';
import { DeviceError } from '../../server/ext4/errors.js';

/** A device held in memory: an image file's copy, or bytes of the test's own. */
export class MemoryDevice implements BlockDevice {
  readonly bytes: Uint8Array;
  readonly readOnly: boolean;
  writes = 0;
  flushes = 0;

  constructor(bytes: Uint8Array, readOnly = false) {
    this.bytes = bytes;
    this.readOnly = readOnly;
  }

  static of(image: string, readOnly = false): MemoryDevice {
    return new MemoryDevice(new Uint8Array(readFileSync(image)), readOnly);
  }

  get size(): number {
    return this.bytes.length;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): void {
    this.#check(position, length);
    target.set(this.bytes.subarray(position, position + length), targetOffset);
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    if (this.readOnly) throw new DeviceError('read-only device');
    this.#check(position, length);
    this.bytes.set(source.subarray(sourceOffset, sourceOffset + length), position);
    this.writes++;
  }

  flush(): void {
    this.flushes++;
  }

  discard(position: number, length: number): boolean {
    this.#check(position, length);
    this.bytes.fill(0, position, position + length);
    return true;
  }

  willNeed(): void {}

  close(): void {}

  #check(position: number, length: number): void {
    if (position < 0 || length < 0 || position + length > this.size) {
      throw new DeviceError(`${position}+${length} is outside ${this.size} bytes`);
    }
  }
}
