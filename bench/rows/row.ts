import type { Contents } from '../image.js';

/**
 * What is in memory when the measurement begins. `cold`: nothing, neither of the mount nor of the
 * image below it. `backing`: the image, so that the filesystem's own cost shows and not the disk's.
 * `warm`: whatever `prepare` left.
 */
export type Caches = 'cold' | 'backing' | 'warm';

/** One line of the table. Each measurement has a mount of its own. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly caches: Caches;
  /** Gets a copy of the image of its own, mounted read-write. */
  readonly writes: boolean;
  /** How often a round measures it, the best counting; once where it is not said. A row that writes cannot be repeated. */
  readonly tries?: number;
  /** Runs on the mount before the clock, and before caches are dropped. */
  prepare?(mount: string, contents: Contents): Promise<void>;
  /** @returns the figure, in `unit` */
  measure(mount: string, contents: Contents): Promise<number>;
}
