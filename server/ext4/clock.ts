/** Puts the present time into [seconds since 1970, nanoseconds]. */
export type TimeSource = (parts: Float64Array) => void;

/** The time that one operation happens at: every inode it touches gets the same. */
export class Clock {
  /** Seconds since 1970. */
  seconds = 0;
  nanoseconds = 0;
  readonly #read: TimeSource;
  readonly #parts = new Float64Array(2);

  constructor(read: TimeSource = fineTime()) {
    this.#read = read;
    this.tick();
  }

  /** Reads the time; call it as an operation begins. */
  tick(): void {
    this.#read(this.#parts);
    this.seconds = this.#parts[0] ?? 0;
    this.nanoseconds = this.#parts[1] ?? 0;
  }
}

/** Milliseconds that the fine clock may be off: more than the coarse one cuts away. */
const MOST_DRIFT = 2;

/** The clock of a program that has no other, as fine as the platform gives it. */
function fineTime(): TimeSource {
  // When the fine clock was at zero, in milliseconds since 1970.
  let origin = performance.timeOrigin;
  return (parts) => {
    // The fine clock knows nothing of a set clock, nor of the time that a machine slept.
    const fine = performance.now();
    const coarse = Date.now();
    if (Math.abs(origin + fine - coarse) > MOST_DRIFT) origin = coarse - fine;
    const milliseconds = origin + fine;
    const seconds = Math.floor(milliseconds / 1000);
    parts[0] = seconds;
    parts[1] = Math.min(999_999_999, Math.floor((milliseconds - seconds * 1000) * 1e6));
  };
}
