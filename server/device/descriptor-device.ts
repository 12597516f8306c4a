import { closeSync, fdatasyncSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { DeviceError } from './errors.js';
import type { BlockDevice, ReadNow } from './block-device.js';
import type { DiscardRange } from './discard.js';
import { writesBehind } from './writes-behind.js';

const errnoOf = (error: unknown): number => {
  const value = (error as { errno?: unknown }).errno;
  return typeof value === 'number' && value < 0 ? -value : constants.errno.EIO;
};

export interface DescriptorDeviceOptions {
  readonly fd: number;
  /** The same, past the machine's cache: others write by way of it. */
  readonly directDescriptor?: number;
  /** Bytes of the device or file behind the descriptor. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Where the filesystem's own window begins and how long it is at most, in bytes. */
  readonly offset?: number;
  readonly sizeLimit?: number;
  /** For messages. */
  readonly name: string;
  /** Node has no call for it; without one, discards are refused. */
  readonly discardRange?: DiscardRange;
  /** @returns a negative errno where it cannot */
  readonly zeroRange?: (fd: number, position: number, length: number) => number;
  /** Writes what the machine's cache holds of a range. @returns a negative errno where it cannot */
  readonly writeOut?: (fd: number, position: number, length: number) => number;
  /** @returns the bytes read, or a negative errno: -EAGAIN where it would have to wait, and the device begins to read */
  readonly readNow?: (fd: number, target: Uint8Array, targetOffset: number, length: number, position: number) => number;
  /** Drops the machine's cache of a range of the descriptor. */
  readonly dropCached?: (fd: number, position: number, length: number) => void;
  readonly keepSecret?: (memory: Uint8Array) => void;
}

/** A window of an open block device or image file. The descriptors belong to this object. */
export class DescriptorDevice implements BlockDevice {
  readonly size: number;
  readonly readOnly: boolean;
  bytesWritten = 0;
  readonly #fd: number;
  readonly #direct: number | undefined;
  readonly #discardRange: DiscardRange | undefined;
  readonly #offset: number;
  readonly #name: string;
  readonly #zeroRange: DescriptorDeviceOptions['zeroRange'];
  readonly #writeOut: DescriptorDeviceOptions['writeOut'];
  readonly #readNow: DescriptorDeviceOptions['readNow'];
  readonly #dropCached: DescriptorDeviceOptions['dropCached'];
  readonly #keepSecret: DescriptorDeviceOptions['keepSecret'];

  constructor({ fd, directDescriptor, size, readOnly, offset = 0, sizeLimit = 0, name, discardRange, zeroRange, writeOut, readNow, dropCached, keepSecret }: DescriptorDeviceOptions) {
    if (offset > size) throw new DeviceError(`offset ${offset} is beyond the end of ${name} (${size} bytes)`);
    this.#fd = fd;
    this.#direct = directDescriptor;
    this.#discardRange = discardRange;
    this.#offset = offset;
    this.#name = name;
    this.#zeroRange = zeroRange;
    this.#writeOut = writeOut;
    this.#readNow = readNow;
    this.#dropCached = dropCached;
    this.#keepSecret = keepSecret;
    this.size = sizeLimit > 0 ? Math.min(sizeLimit, size - offset) : size - offset;
    this.readOnly = readOnly;
  }

  /** For whoever writes past this object, at places that it was asked for. */
  get descriptor(): number {
    return this.#fd;
  }

  /**
   * Somebody is about to write a range himself.
   * @returns where it lies behind the descriptor
   * @throws DeviceError where the range is outside the device, or it is read-only
   */
  placeToWrite(position: number, length: number): number {
    this.#checkWrite(length, position);
    this.bytesWritten += length;
    return this.#offset + position;
  }

  countWritten(bytes: number): void {
    this.bytesWritten += bytes;
  }

  /** What to throw where he failed. @param range what he wrote; undefined: he flushed */
  failure(range: { readonly length: number; readonly position: number } | undefined, errorNumber: number): DeviceError {
    const what = range === undefined ? 'writing data, or flushing,' : `writing ${range.length} bytes at ${range.position}`;
    return new DeviceError(`${this.#name}: ${what} failed: errno ${errorNumber}`, errorNumber);
  }

  keepSecret(memory: Uint8Array): void {
    this.#keepSecret?.(memory);
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): void {
    this.#check(length, position, 'read');
    writesBehind.awaitRange(this.#offset + position, length);
    let done = 0;
    while (done < length) {
      let count: number;
      try {
        count = readSync(this.#fd, target, targetOffset + done, length - done, this.#offset + position + done);
      } catch (error) {
        throw new DeviceError(`${this.#name}: reading ${length} bytes at ${position} failed: ${(error as Error).message}`, errnoOf(error));
      }
      if (count === 0) throw new DeviceError(`${this.#name}: ends at ${position + done}, inside a read of ${length} bytes`);
      done += count;
    }
  }

  readNow(target: Uint8Array, targetOffset: number, length: number, position: number): ReadNow {
    this.#check(length, position, 'read');
    if (writesBehind.areSome) return 'unknown';
    const count = this.#readNow?.(this.#fd, target, targetOffset, length, this.#offset + position) ?? 0;
    if (count === length) return 'done';
    // Not every kind of file can say; and what failed fails again, with all that read() has to say of it.
    return count > 0 || count === -constants.errno.EAGAIN ? 'begun' : 'unknown';
  }

  placeOf(position: number, length: number): number {
    this.#check(length, position, 'read');
    return this.#offset + position;
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    this.#checkWrite(length, position);
    let done = 0;
    while (done < length) {
      try {
        done += writeSync(this.#fd, source, sourceOffset + done, length - done, this.#offset + position + done);
      } catch (error) {
        throw new DeviceError(`${this.#name}: writing ${length} bytes at ${position} failed: ${(error as Error).message}`, errnoOf(error));
      }
    }
    this.bytesWritten += length;
  }

  settle(): void {
    const failure = writesBehind.awaitAll();
    if (failure !== 0) throw new DeviceError(`${this.#name}: data could not be written: errno ${failure}`, failure);
  }

  flush(): void {
    this.settle();
    try {
      fdatasyncSync(this.#fd);
    } catch (error) {
      throw new DeviceError(`${this.#name}: flushing failed: ${(error as Error).message}`, errnoOf(error));
    }
  }

  writeOut(position: number, length: number): void {
    this.#check(length, position, 'writing out');
    writesBehind.awaitRange(this.#offset + position, length);
    if (this.#writeOut === undefined || this.#writeOut(this.#fd, this.#offset + position, length) < 0) this.flush();
  }

  discard(position: number, length: number): boolean {
    if (this.readOnly || this.#discardRange === undefined) return false;
    this.#check(length, position, 'discard');
    writesBehind.awaitRange(this.#offset + position, length);
    return this.#discardRange(this.#fd, this.#offset + position, length);
  }

  zeroOut(position: number, length: number): boolean {
    if (this.readOnly || this.#zeroRange === undefined) return false;
    this.#check(length, position, 'zeroing');
    writesBehind.awaitRange(this.#offset + position, length);
    if (this.#zeroRange(this.#fd, this.#offset + position, length) < 0) return false;
    this.bytesWritten += length;
    return true;
  }

  forgetCached(position: number, length: number): void {
    this.#dropCached?.(this.#fd, this.#offset + position, length);
  }

  willNeed(): void {
    // Node has no posix_fadvise; the kernel's own readahead has to do.
  }

  close(): void {
    closeSync(this.#fd);
    if (this.#direct !== undefined) closeSync(this.#direct);
  }

  #checkWrite(length: number, position: number): void {
    if (this.readOnly) throw new DeviceError(`${this.#name} is open read-only`, constants.errno.EROFS);
    this.#check(length, position, 'write');
    writesBehind.awaitRange(this.#offset + position, length);
  }

  #check(length: number, position: number, what: string): void {
    if (position < 0 || length < 0 || position + length > this.size) {
      throw new DeviceError(`${this.#name}: ${what} of ${length} bytes at ${position} is outside its ${this.size} bytes`);
    }
  }
}
