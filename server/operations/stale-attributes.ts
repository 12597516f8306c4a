import type { StaleNodes } from '../session/filesystem.js';

/** Files whose blocks changed in a way that the kernel, which keeps attributes without limit of time, has no way to know. */
export class StaleAttributes implements StaleNodes {
  readonly #nodeids = new Set<number>();

  get count(): number {
    return this.#nodeids.size;
  }

  add(nodeid: number): void {
    this.#nodeids.add(nodeid);
  }

  tell(notify: (nodeid: number) => void): void {
    this.#nodeids.forEach(notify);
    this.#nodeids.clear();
  }
}
