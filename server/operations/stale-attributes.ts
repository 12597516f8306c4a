import type { StaleNodes } from '../session/filesystem.js';

/** Within so many milliseconds… */
const WINDOW = 50;
/** …the kernel hears so many times of the same file; what happens after that waits for the next window. */
const MOST_PER_WINDOW = 16;

/**
 * Files whose number of blocks changed in a way that the kernel, which keeps attributes without limit of time, has no
 * way to know. Each notification makes it ask for all attributes before the next write; who appends to a file and
 * syncs it thousands of times a second would pay for that each time, so that from some rate on they are gathered.
 */
export class StaleAttributes implements StaleNodes {
  readonly #nodeids = new Set<number>();
  /** How often the kernel has heard of a file in this window. */
  readonly #told = new Map<number, number>();
  #windowEnd = 0;
  /** Whether there is one that need not wait. */
  #isDue = false;

  get dueIn(): number {
    if (this.#nodeids.size === 0) return Infinity;
    return this.#isDue ? 0 : Math.max(0, this.#windowEnd - performance.now());
  }

  add(nodeid: number): void {
    this.#nodeids.add(nodeid);
    if (!this.#isDue) this.#isDue = this.#mayBeTold(nodeid);
  }

  tell(notify: (nodeid: number) => void): void {
    const now = performance.now();
    if (now >= this.#windowEnd) {
      this.#windowEnd = now + WINDOW;
      this.#told.clear();
    }
    this.#isDue = false;
    for (const nodeid of this.#nodeids) {
      if (!this.#mayBeTold(nodeid)) continue;
      this.#told.set(nodeid, (this.#told.get(nodeid) ?? 0) + 1);
      this.#nodeids.delete(nodeid);
      notify(nodeid);
    }
  }

  #mayBeTold(nodeid: number): boolean {
    return (this.#told.get(nodeid) ?? 0) < MOST_PER_WINDOW;
  }
}
