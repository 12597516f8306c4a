import type { BlockDevice } from '../../server/device/block-device.js';
import type { Random } from '../support/random.js';

interface Page {
  readonly bytes: Uint8Array;
  dirty: boolean;
}

/**
 * A block device with the page cache that a server works through, and the way past it that the kernel's
 * own I/O takes: each sees what the other does only as the two do on a real machine.
 */
export class PagedDisk implements BlockDevice {
  /** What is on the medium. */
  readonly bytes: Uint8Array;
  readonly readOnly = false;
  isClosed = false;
  #blockSize = 4096;
  readonly #pages = new Map<number, Page>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  set blockSize(size: number) {
    this.flush();
    this.#pages.clear();
    this.#blockSize = size;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): void {
    this.#each(position, length, (page, from, to, at) => target.set(page.bytes.subarray(from, to), targetOffset + at - position));
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    this.#each(position, length, (page, from, to, at) => {
      page.bytes.set(source.subarray(sourceOffset + at - position, sourceOffset + at - position + to - from), from);
      page.dirty = true;
    });
  }

  flush(): void {
    for (const [number, page] of this.#pages) this.#writeBack(number, page);
  }

  writeOut(position: number, length: number): void {
    const [first, last] = [position, position + length - 1].map((at) => Math.floor(at / this.#blockSize)) as [number, number];
    for (const [number, page] of this.#pages) if (number >= first && number <= last) this.#writeBack(number, page);
  }

  /** A part of what is dirty is written now, as memory pressure has it. */
  writeBackSome(random: Random): void {
    for (const [number, page] of this.#pages) if (random.below(3) === 0) this.#writeBack(number, page);
  }

  /** Clean pages leave. */
  shrink(random: Random): void {
    for (const [number, page] of this.#pages) if (!page.dirty && random.below(2) === 0) this.#pages.delete(number);
  }

  /** What is cached of a range is dropped, written or not. */
  invalidate(position: number, length: number): void {
    const end = position + length;
    for (let number = Math.floor(position / this.#blockSize); number * this.#blockSize < end; number++) this.#pages.delete(number);
  }

  discard(): boolean {
    return false;
  }

  willNeed(): void {}

  close(): void {
    this.flush();
    this.isClosed = true;
  }

  #writeBack(number: number, page: Page): void {
    if (!page.dirty) return;
    this.bytes.set(page.bytes, number * this.#blockSize);
    page.dirty = false;
  }

  #each(position: number, length: number, act: (page: Page, from: number, to: number, at: number) => void): void {
    if (position < 0 || position + length > this.size) throw new RangeError(`${position}+${length} is outside the disk`);
    for (let at = position; at < position + length; ) {
      const number = Math.floor(at / this.#blockSize);
      const base = number * this.#blockSize;
      const stop = Math.min(position + length, base + this.#blockSize);
      act(this.#page(number, base), at - base, stop - base, at);
      at = stop;
    }
  }

  #page(number: number, base: number): Page {
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = { bytes: this.bytes.slice(base, base + this.#blockSize), dirty: false };
      this.#pages.set(number, page);
    }
    return page;
  }
}
