import { inUniqueHigh, inUniqueLow } from '../../protocol/fuse/header.js';
import type { WritebackRequests } from '../session/filesystem.js';
import { DEFERRED } from '../session/handler.js';
import type { Request } from '../session/request.js';

/** A request that waits, and the range of its file that has to leave the kernel's cache for it. */
interface Waiting {
  readonly message: Uint8Array;
  /** It has been done, and waits for its answer. */
  readonly isDone: boolean;
  readonly nodeid: number;
  readonly offset: number;
  /** Infinity: to the end of the file, wherever the kernel has it. */
  readonly end: number;
}

/**
 * Requests whose answer depends on what the kernel caches of a file: it has not written that back yet, or it is out
 * of date. Each is kept, and handled again once it has left the cache.
 */
export class WritebackWaits implements WritebackRequests {
  /** Whether the kernel can be made to write back what it caches. */
  possible = false;
  readonly #waiting = new Map<number, Waiting>();
  readonly #unasked: number[] = [];
  #lastTicket = 0;
  #writtenTo = 0;
  /** The unique of the last one that had been done. */
  #doneLow = NaN;
  #doneHigh = NaN;

  get count(): number {
    return this.#waiting.size;
  }

  wait(request: Request, offset: number, end: number): typeof DEFERRED {
    return this.#keep({ message: request.copy(), isDone: false, nodeid: request.nodeid, offset, end });
  }

  /** @param fixedSize so much of its body is what the answer takes */
  waitForAnswer(request: Request, fixedSize: number, offset: number, end: number): typeof DEFERRED {
    return this.#keep({ message: request.copyOfHead(fixedSize), isDone: true, nodeid: request.nodeid, offset, end });
  }

  #keep(waiting: Waiting): typeof DEFERRED {
    const ticket = ++this.#lastTicket;
    this.#waiting.set(ticket, waiting);
    this.#unasked.push(ticket);
    return DEFERRED;
  }

  /** Whether the request in hand has only to be answered. */
  isDone({ uniqueLow, uniqueHigh }: Request): boolean {
    return uniqueLow === this.#doneLow && uniqueHigh === this.#doneHigh;
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
    const { message, isDone, end } = waiting;
    request.bytes.set(message, request.start);
    if (isDone) {
      this.#doneLow = inUniqueLow(request.view, request.start);
      this.#doneHigh = inUniqueHigh(request.view, request.start);
    } else {
      this.#writtenTo = end;
    }
    return message.length;
  }
}
