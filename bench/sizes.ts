/** How much is measured; the same for every contender. */
export interface Sizes {
  /** In the image that is read: one big file, and a tree of small ones. */
  readonly bigFileMiB: number;
  readonly directories: number;
  readonly filesPerDirectory: number;
  /** What a row of sequential writes writes. */
  readonly writtenMiB: number;
  /** Small files of the source tree that is unpacked, cloned and removed. */
  readonly sourceFiles: number;
  /** Files of the rows that create, look at and remove very many. */
  readonly manyFiles: number;
  /** Transactions of each SQLite row. */
  readonly inserts: number;
  /** For how long rows that are measured by time are measured. */
  readonly seconds: number;
  /** After how long the rows stop that could take for ever. */
  readonly patience: number;
}

export const fullSizes: Sizes = {
  bigFileMiB: 512,
  directories: 100,
  filesPerDirectory: 200,
  writtenMiB: 256,
  sourceFiles: 2000,
  manyFiles: 100_000,
  inserts: 2000,
  seconds: 4,
  patience: 2,
};

export const quickSizes: Sizes = {
  bigFileMiB: 256,
  directories: 50,
  filesPerDirectory: 100,
  writtenMiB: 128,
  sourceFiles: 1000,
  manyFiles: 20_000,
  inserts: 500,
  seconds: 1,
  patience: 1,
};
