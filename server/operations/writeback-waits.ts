import type { WritebackRequests } from '../session/filesystem.js';
import { DEFERRED } from '../session/handler.js';
import type { Request } from '../session/request.js';

/** A request that waits, and the range of its file that has to be written back for it. */
interface Waiting {
  readonly message: Uint8Array;
  readonly nodeid: number;
  readonly offset: number;
  /** Infinity: to the end of the file, wherever the kernel has it. */
  readonly end: number;
}

/**
 * Requests whose answer depends on what the kernel caches of a file and has not written back yet.
 * Each is kept as it came, and handled again once that is done.
 */
export class WritebackWaits implements WritebackRequests {
  /** Whether the kernel can be made to write back what it caches. */
  possible = false;
  readonly #waiting = new Map<number, Waiting>();
  readonly #unasked: number[] = [];
  #lastTicket = 0;
  #writtenTo = 0;

  get count(): number {
    return this.#waiting.size;
  }

  wait({ bytes, start, nodeid, bodyOffset, bodyLength, extensionsLength }: Request, offset: number, end: number): typeof DEFERRED {
    const ticket = ++this.#lastTicket;
    this.#waiting.set(ticket, { message: bytes.slice(start, bodyOffset + bodyLength + extensionsLength), nodeid, offset, end });
    this.#unasked.push(ticket);
    return DEFERRED;
  }

  /** Up to where the kernel has written back for the request in hand: 0 if it has not been asked to. To be asked once. */
  takeWrittenTo(): number {
    const end = this.#writtenTo;
    this.#writtenTo = 0;
    return end;
  }

  ask(ask: (ticket: number, nodeid: number, offset: number, size: number) => void): void {
    for (const ticket of this.#unasked) {
      const { nodeid, offset, end } = this.#waiting.get(ticket) as Waiting;
      ask(ticket, nodeid, offset, end === Infinity ? 0 : end - offset);
    }
    this.#unasked.length = 0;
  }

  resume(ticket: number, request: Request): number {
    const waiting = this.#waiting.get(ticket);
    if (waiting === undefined) return 0;
    this.#waiting.delete(ticket);
    this.#writtenTo = waiting.end;
    request.bytes.set(waiting.message, request.start);
    return waiting.message.length;
  }
}
