import type { Request } from './request.js';

/**
 * So many requests are handled before a postponed one comes to its turn although others wait. The kernel
 * puts what it forgets before other requests after eight of these.
 */
const MOST_BEFORE = 24;

interface Postponed {
  readonly message: Uint8Array;
  /** What `handled` counted as it came. */
  readonly since: number;
  /** How often it has been handled. */
  readonly attempts: number;
}

/** Requests that could not be granted as they came, and are handled again, in that order. */
export class PostponedRequests {
  readonly #waiting: Postponed[] = [];
  #handled = 0;

  get count(): number {
    return this.#waiting.length;
  }

  /** Another request was handled. */
  tick(): void {
    this.#handled++;
  }

  keep(request: Request): void {
    this.#waiting.push({ message: request.copy(), since: this.#handled, attempts: request.attempts + 1 });
  }

  /** Whether it is the turn of the first one. @param isIdle whether no other request waits */
  isDue(isIdle: boolean): boolean {
    const first = this.#waiting[0];
    return first !== undefined && (isIdle || this.#handled - first.since >= MOST_BEFORE);
  }

  /** Puts the first one into the buffer. @returns its length, 0 if there is none */
  take(request: Request): number {
    const first = this.#waiting.shift();
    if (first === undefined) return 0;
    request.bytes.set(first.message, request.start);
    request.attempts = first.attempts;
    return first.message.length;
  }
}
