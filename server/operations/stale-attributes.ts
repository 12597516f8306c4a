import type { StaleNodes } from '../session/filesystem.js';

/** Within so many milliseconds… */
const WINDOW = 50;
/** …so many notifications go out at once; the others wait for the next window. */
const MOST_PER_WINDOW = 16;

/**
 * Files whose number of blocks changed in a way that the kernel, which keeps attributes without limit of time, has no
 * way to know. Each notification makes it ask for all attributes before the next write; who appends and syncs
 * thousands of times a second would pay for that each time, so that from some rate on they are gathered.
 */
export class StaleAttributes implements StaleNodes {
  readonly #nodeids = new Set<number>();
  #windowEnd = 0;
  #left = 0;

  get dueIn(): number {
    if (this.#nodeids.size === 0) return Infinity;
    return this.#left > 0 ? 0 : Math.max(0, this.#windowEnd - performance.now());
  }

  add(nodeid: number): void {
    this.#nodeids.add(nodeid);
  }

  tell(notify: (nodeid: number) => void): void {
    const now = performance.now();
    if (now >= this.#windowEnd) {
      this.#windowEnd = now + WINDOW;
      this.#left = MOST_PER_WINDOW;
    }
    if (this.#left <= 0) return;
    this.#left -= this.#nodeids.size;
    this.#nodeids.forEach(notify);
    this.#nodeids.clear();
  }
}
