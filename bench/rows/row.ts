import type { Sizes } from '../sizes.js';

/**
 * What is in memory when the measurement begins. `cold`: nothing, neither of the mount nor of the
 * image below it. `backing`: the image, so that the filesystem's own cost shows and not the disk's.
 * `warm`: whatever was done before left.
 */
export type Caches = 'cold' | 'backing' | 'warm';

/** Where a row is measured. */
export interface Place {
  /** The root of the mount. */
  readonly mount: string;
  /** Not on the mount; the same one during a whole run. */
  readonly outside: string;
  readonly sizes: Sizes;
}

/** What was done, in what the row's unit counts: MiB, or operations. */
export interface Work {
  readonly amount: number;
  readonly seconds: number;
}

/** One line of the table. */
export interface Row {
  readonly name: string;
  /** More of it is better. */
  readonly unit: `${string}/s` | 'IOPS';
  readonly caches: Caches;
  /** Is measured with --quick too. */
  readonly quick?: boolean;
  /** How often a round measures it, the best counting; once where it is not said. Not for what cannot be repeated. */
  readonly tries?: number;
  /** Before the clock, and before caches are dropped. */
  prepare?(place: Place): Promise<void>;
  measure(place: Place): Promise<Work>;
}

/** Rows that are measured one after another on the same mount. */
export interface Course {
  readonly rows: readonly Row[];
  /** `filled` has the big file and the tree, and is mounted read-only; of `empty` each mount has a copy of its own. */
  readonly image: 'filled' | 'empty';
  /** Each row needs what those before it have left. */
  readonly isChain?: boolean;
  /** Can be asked of a server of constants, in which every name leads to a large file. */
  readonly readsBigFile?: boolean;
  /** What it runs, where it is more than every run of the benchmark needs. @returns why it cannot */
  impossible?(): string | undefined;
  /** Before the clock of the first row. */
  prepare?(place: Place): Promise<void>;
  /** After the last row, or after one that failed. */
  finish?(place: Place): Promise<void>;
}
