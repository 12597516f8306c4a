import { OUT_HEADER_SIZE, writeOutHeader } from '../../protocol/fuse/header.js';
import { pageAlignedMemory } from './aligned-memory.js';

const PAGE = 4096;

/**
 * Where handlers write the body of their reply: one buffer for the whole life of a session. The
 * body begins on a page, so that file data can be read from the device straight into it; the header
 * stands before it, so that both leave in one write.
 */
export class Reply {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the body begins, in `bytes` and in `view`. */
  readonly body = PAGE;
  /** The longest body. */
  readonly capacity: number;
  /** Where the header begins, and with it what is sent. */
  readonly start = PAGE - OUT_HEADER_SIZE;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.bytes = pageAlignedMemory(this.body + capacity);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  /** Puts the header before a body of that length. @returns how many bytes to send from `start` on */
  finish(uniqueLow: number, uniqueHigh: number, bodyLength: number): number {
    const length = OUT_HEADER_SIZE + bodyLength;
    writeOutHeader(this.view, this.start, length, 0, uniqueLow, uniqueHigh);
    return length;
  }

  /** @param error a negative errno. @returns how many bytes to send from `start` on */
  fail(uniqueLow: number, uniqueHigh: number, error: number): number {
    writeOutHeader(this.view, this.start, OUT_HEADER_SIZE, error, uniqueLow, uniqueHigh);
    return OUT_HEADER_SIZE;
  }
}
