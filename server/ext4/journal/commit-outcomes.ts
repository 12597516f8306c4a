/** What became of commits and flushes. They are numbered as they begin, and one is under way at a time. */
export class CommitOutcomes {
  #begun = 0;
  #ended = 0;
  #underWay: 'commit' | 'flush' | undefined;
  /** The first commit that failed: it and all later ones are lost. */
  #firstLost = Infinity;
  #failedFlush: { readonly number: number; readonly error: Error } | undefined;

  /** Number of the one that began last. */
  get begun(): number {
    return this.#begun;
  }

  get underWay(): 'commit' | 'flush' | undefined {
    return this.#underWay;
  }

  begin(what: 'commit' | 'flush'): void {
    this.#begun++;
    this.#underWay = what;
  }

  /** What was under way is durable. */
  end(): void {
    this.#ended = this.#begun;
    this.#underWay = undefined;
  }

  /** A checkpoint can fail as well: then no commit is lost. */
  commitFailed(): void {
    if (this.#underWay === 'commit') this.#firstLost = this.#begun;
    this.#underWay = undefined;
  }

  flushFailed(error: Error): void {
    this.#failedFlush = { number: this.#begun, error };
    this.end();
  }

  /** @param loss why commits are lost, where some are. @returns undefined while it goes on */
  of(number: number, loss: Error | undefined): Error | 'durable' | undefined {
    if (this.#failedFlush?.number === number) return this.#failedFlush.error;
    if (number >= this.#firstLost) return loss;
    return number <= this.#ended ? 'durable' : undefined;
  }
}
