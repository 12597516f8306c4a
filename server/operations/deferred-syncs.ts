import { errno, FilesystemError } from '../ext4/errors.js';
import type { DeferredRequests } from '../session/filesystem.js';
import { DEFERRED } from '../session/handler.js';
import type { Request } from '../session/request.js';

/**
 * FSYNC requests that wait for the next commit. Whoever comes before it shares it: eight processes
 * that append and fsync cost one commit, not eight.
 */
export class DeferredSyncs implements DeferredRequests {
  readonly #commit: () => void;
  /** Pairs of the halves of `unique`. */
  readonly #waiting: number[] = [];

  constructor(commit: () => void) {
    this.#commit = commit;
  }

  get count(): number {
    return this.#waiting.length / 2;
  }

  defer({ uniqueLow, uniqueHigh }: Request): typeof DEFERRED {
    this.#waiting.push(uniqueLow, uniqueHigh);
    return DEFERRED;
  }

  settle(answer: (uniqueLow: number, uniqueHigh: number, outcome: number) => void): void {
    const outcome = this.#outcome();
    for (let index = 0; index < this.#waiting.length; index += 2) {
      answer(this.#waiting[index] as number, this.#waiting[index + 1] as number, outcome);
    }
    this.#waiting.length = 0;
  }

  #outcome(): number {
    try {
      this.#commit();
      return 0;
    } catch (error) {
      return error instanceof FilesystemError ? -error.errno : -errno.EIO;
    }
  }
}
