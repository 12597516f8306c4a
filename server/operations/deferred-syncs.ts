import { errno, FilesystemError } from '../ext4/errors.js';
import type { WritableFilesystem } from '../ext4/writable-filesystem.js';
import { log } from '../log.js';
import type { DeferredAnswer, DeferredRequests } from '../session/filesystem.js';
import { DEFERRED } from '../session/handler.js';
import type { Request } from '../session/request.js';

/**
 * FSYNC and SYNCFS requests, which wait for a commit. It may be written while others are served; whoever
 * comes meanwhile shares the next one: eight processes that append and fsync cost one commit, not eight.
 */
export class DeferredSyncs implements DeferredRequests {
  readonly #filesystem: () => WritableFilesystem;
  /** Pairs of the halves of `unique`. */
  #waiting: number[] = [];
  /** Whether all of them wait for data alone. */
  #isForData = true;
  /** Those whose commit is under way, and its number. */
  #sharing: number[] = [];
  #number = 0;
  /** Whether a commit is wanted although nobody waits for it. */
  #isWanted = false;
  #isTold = false;

  constructor(filesystem: () => WritableFilesystem) {
    this.#filesystem = filesystem;
  }

  get count(): number {
    return this.#waiting.length / 2;
  }

  get isDue(): boolean {
    if (this.#waiting.length === 0 && !this.#isWanted) return false;
    const { transactions, isDurable } = this.#filesystem();
    return !transactions.isBusy || isDurable;
  }

  get isUnderWay(): boolean {
    return this.#sharing.length > 0 || this.#filesystem().transactions.isBusy;
  }

  /** @param dataOnly what changed beside data may be lost, as far as nobody needs it to find the data */
  defer({ uniqueLow, uniqueHigh }: Request, dataOnly = false): typeof DEFERRED {
    this.#waiting.push(uniqueLow, uniqueHigh);
    this.#isForData &&= dataOnly;
    return DEFERRED;
  }

  /** A commit is due. */
  want(): void {
    this.#isWanted = true;
  }

  settle(answer: DeferredAnswer): void {
    const filesystem = this.#filesystem();
    this.#answerSharing(answer);
    const dataOnly = this.#isForData && !this.#isWanted;
    this.#isForData = true;
    this.#isWanted = false;
    [this.#sharing, this.#waiting] = [this.#waiting, this.#sharing];
    try {
      this.#number = filesystem.beginCommit(dataOnly);
    } catch (error) {
      this.#tell(error);
      this.#answerAll(answer, error);
      return;
    }
    this.collect(answer);
  }

  collect(answer: DeferredAnswer): void {
    const { transactions } = this.#filesystem();
    try {
      transactions.collect();
      this.#answerSharing(answer);
      if (this.#waiting.length === 0 || transactions.isTight) transactions.relieve();
    } catch (error) {
      this.#tell(error);
      this.#answerSharing(answer);
    }
  }

  finish(answer: DeferredAnswer): void {
    try {
      this.#filesystem().transactions.finish();
    } catch (error) {
      this.#tell(error);
    }
    this.#answerSharing(answer);
    while (this.#waiting.length > 0) {
      this.settle(answer);
      this.finish(answer);
    }
  }

  /** Once: the journal was aborted by that error, or had been before. */
  #tell(error: unknown): void {
    if (!this.#isTold) logAbort(error);
    this.#isTold = true;
  }

  #answerSharing(answer: DeferredAnswer): void {
    if (this.#sharing.length === 0) return;
    const outcome = this.#filesystem().outcome(this.#number);
    if (outcome !== undefined) this.#answerAll(answer, outcome);
  }

  #answerAll(answer: DeferredAnswer, outcome: unknown): void {
    const result = outcome === 'durable' ? 0 : outcome instanceof FilesystemError ? -outcome.errno : -errno.EIO;
    for (let index = 0; index < this.#sharing.length; index += 2) {
      answer(this.#sharing[index] as number, this.#sharing[index + 1] as number, result);
    }
    this.#sharing.length = 0;
  }
}

export function logAbort(error: unknown): void {
  log('error', `the journal was aborted, nothing can be changed any more: ${(error as Error).message}`);
}
