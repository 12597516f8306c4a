import type { CorruptionError } from '../errors.js';
import type { InlineData } from '../inline-data.js';
import type { Inode } from '../inode.js';
import type { EntryRules, EntryRun } from './entry-run.js';

/** Finds where an inode with the INLINE_DATA flag has its contents. */
export type InlineLocator = Pick<InlineData, 'ranges'>;

/** In place of "." and "..": the number of the parent. */
const PARENT_SIZE = 4;
/** Bytes that "." and ".." take in a block, where the rest goes when the directory outgrows its inode. */
const DOT_ENTRIES_SIZE = 24;

/** Directories that are kept in their inode: a parent and two runs of entries. */
export class InlineEntries {
  static readonly RUNS = 2;
  readonly #locator: InlineLocator;
  readonly #rules: EntryRules;

  constructor(locator: InlineLocator, rules: EntryRules) {
    this.#locator = locator;
    this.#rules = rules;
  }

  /** The number on disk, whatever it is. */
  parent(dir: Inode): number {
    const { view, headStart } = this.#locator.ranges(dir);
    return view.getUint32(headStart, true);
  }

  /** The inode is part of the transaction already. */
  setParent(dir: Inode, parent: number): void {
    const { view, headStart } = this.#locator.ranges(dir);
    view.setUint32(headStart, parent, true);
  }

  /**
   * Makes `run` the first or second stretch of entries, as far as they are sound.
   *
   * @returns what is wrong with the rest
   */
  entries(dir: Inode, index: number, run: EntryRun): CorruptionError | undefined {
    this.locate(dir, index, run);
    return this.#rules.check(dir, run);
  }

  /** Makes `run` the first or second stretch, whatever is in it. */
  locate(dir: Inode, index: number, run: EntryRun): void {
    const { bytes, view, headStart, headEnd, tailStart, tailEnd } = this.#locator.ranges(dir);
    if (index === 0) run.set(bytes, view, headStart + PARENT_SIZE, headEnd, dir.block.number);
    else run.set(bytes, view, tailStart, tailEnd, dir.block.number);
  }

  /** Where the run's first entry would lie in a block: positions survive the move to one. */
  position(index: number): number {
    return DOT_ENTRIES_SIZE + (index === 0 ? 0 : 56);
  }
}
