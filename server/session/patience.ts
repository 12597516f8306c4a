/** What putting a thread to sleep and waking it again costs both sides; asking on for longer cannot pay. */
const LONGEST = 30_000;
/** So many times in a row the wait may be in vain. */
const MOST_IN_VAIN = 8;
/** After so many sleeps without a try one is made, in case callers have become quicker. */
const TRY_AGAIN_AFTER = 64;
/** A request that took this long has slept for the device: its caller sleeps as soundly. */
const SLOW_MILLISECONDS = 0.03;

/**
 * How long to go on asking for a request before sleeping until one comes. A caller that works
 * request after request sends the next one within microseconds, sooner than this thread could fall
 * asleep and be woken. Where callers or the device turn out slower, the time would be taken from
 * them, on a small machine, and there is no patience left until it is tried again.
 */
export class Patience {
  private longest = LONGEST;
  private inVain = 0;
  private began = 0;

  /** A request has come; the time until wait() is what it takes. */
  begin(): void {
    this.began = performance.now();
  }

  /** @returns nanoseconds */
  wait(): number {
    return performance.now() - this.began > SLOW_MILLISECONDS ? 0 : this.longest;
  }

  /** @param waited nanoseconds, what wait() said. @param came whether a request came within them */
  learn(waited: number, came: boolean): void {
    if (came) {
      if (waited > 0) this.inVain = 0;
      return;
    }
    this.inVain++;
    if (this.inVain === MOST_IN_VAIN) this.longest = 0;
    if (this.inVain >= MOST_IN_VAIN + TRY_AGAIN_AFTER) {
      this.longest = LONGEST;
      this.inVain = MOST_IN_VAIN - 1;
    }
  }
}
