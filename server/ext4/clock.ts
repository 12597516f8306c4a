/** Milliseconds that the fine clock may be off: more than the coarse one cuts away. */
const MOST_DRIFT = 2;

/** The time that one operation happens at: every inode it touches gets the same. */
export class Clock {
  /** When the fine clock was at zero, in milliseconds since 1970. */
  #origin = performance.timeOrigin;
  /** Seconds since 1970. */
  seconds = 0;
  nanoseconds = 0;

  constructor() {
    this.tick();
  }

  /** Reads the time; call it as an operation begins. */
  tick(): void {
    // The fine clock knows nothing of a set clock, nor of the time that a machine slept.
    const fine = performance.now();
    const coarse = Date.now();
    if (Math.abs(this.#origin + fine - coarse) > MOST_DRIFT) this.#origin = coarse - fine;
    const milliseconds = this.#origin + fine;
    this.seconds = Math.floor(milliseconds / 1000);
    this.nanoseconds = Math.min(999_999_999, Math.floor((milliseconds - this.seconds * 1000) * 1e6));
  }
}
