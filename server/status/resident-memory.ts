import { openSync, readSync } from 'node:fs';

const PAGE = 4096;

/** How much memory this process has: of now where there is a /proc; contained there is none, and it is the highest so far. */
export class ResidentMemory {
  readonly #statm: number | undefined;

  private constructor(statm: number | undefined) {
    this.#statm = statm;
  }

  /** To be called while something can be opened. */
  static open(): ResidentMemory {
    try {
      return new ResidentMemory(openSync('/proc/self/statm', 'r'));
    } catch {
      return new ResidentMemory(undefined);
    }
  }

  bytes(): number {
    const text = Buffer.alloc(128);
    const length = this.#statm === undefined ? 0 : readSync(this.#statm, text, 0, text.length, 0);
    const pages = Number(text.toString('latin1', 0, length).split(' ')[1]);
    return Number.isSafeInteger(pages) ? pages * PAGE : process.resourceUsage().maxRSS * 1024;
  }
}
