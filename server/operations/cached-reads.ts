/** Files are told apart by so many places, a power of two: who shares one is only taken for read, too. */
const PLACES = 1024;
/** Longer, in milliseconds, no write is on its way from the kernel to its answer. */
const LATELY = 5000;

/** Which files the kernel has lately read into its cache. */
export class CachedReads {
  readonly #times = new Float64Array(PLACES).fill(-Infinity);

  add(nodeid: number): void {
    this.#times[nodeid % PLACES] = performance.now();
  }

  has(nodeid: number): boolean {
    return performance.now() - (this.#times[nodeid % PLACES] as number) < LATELY;
  }
}
