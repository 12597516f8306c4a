import { CorruptionError } from '../errors.js';
import { crc32c } from '../layout/crc32c.js';
import * as layout from '../layout/directory-entry.js';
import type { EntryRun } from './entry-run.js';
import type { NameHash } from './hash.js';
import { HASH_END } from './index-cursor.js';
import type { NameScheme } from './names.js';

/**
 * The order in which an indexed directory is listed: by hash, and among names of one hash by a
 * checksum of the name, and then by an ordinal. None of the three depends on where an entry lies, so
 * a listing that is resumed finds its place again whatever was split, added or removed in between.
 * The three make one integer of 52 bits, the key: 31 bits of hash (the lowest is always clear), 17 of
 * the checksum, 4 of the ordinal.
 */
const TIE = 2 ** 21;
const TIE_SHIFT = 32 - 21;
const ORDINALS = 16;
const TOP_MAJOR = HASH_END - 4;

/** Names of one hash can spread over any number of leaves; a directory with more than this is not sound. */
const MAX_ENTRIES = 1 << 20;

/** Ciura's sequence, carried on. */
const GAPS = [90927, 40412, 17961, 7983, 3548, 1577, 701, 301, 132, 57, 23, 10, 4, 1];

/** The first key of a hash. */
export const keyOfHash = (major: number): number => Math.floor(major / 2) * TIE;
export const hashOfKey = (key: number): number => Math.floor(key / TIE) * 2;

/** The entries of one leaf, or of leaves that continue each other, in order. */
export class OrderedEntries {
  inode = 0;
  /** Hash with which the first leaf begins. */
  low = 0;
  /** Hash with which the next leaf begins. */
  high = 0;
  count = 0;
  /** Logical block and load of each run that is a block; empty where the inode holds the entries. */
  readonly leaves: number[] = [];
  readonly loads: number[] = [];
  readonly #blockSize: number;
  readonly #hash: NameHash;
  #keys = new Float64Array(512);
  /** Where each entry lies: its run, and the entry in it. */
  #runs = new Uint32Array(512);
  #entries = new Uint32Array(512);

  constructor(blockSize: number, hash: NameHash) {
    this.#blockSize = blockSize;
    this.#hash = hash;
  }

  /** Empties it, for leaves that begin with the hash `low`. */
  reset(low: number): void {
    this.inode = 0;
    this.low = low;
    this.high = low;
    this.count = 0;
    this.leaves.length = 0;
    this.loads.length = 0;
  }

  key(index: number): number {
    return this.#keys[index] as number;
  }

  runOf(index: number): number {
    return this.#runs[index] as number;
  }

  entryOf(index: number): number {
    return this.#entries[index] as number;
  }

  /** Takes in the entries of a leaf, or of one stretch of an inode, where hashes are below `high`. */
  add(leaf: number, load: number, high: number, run: EntryRun, names: NameScheme, version: number): void {
    const { bytes, view, end } = run;
    const lowest = this.low - (this.low % 2);
    const highest = Math.min(high - (high % 2 === 0 ? 2 : 1), TOP_MAJOR);
    this.high = high;
    for (let entry = run.start; entry < end; entry += layout.recordLength(view, entry, this.#blockSize)) {
      const start = layout.nameStart(entry);
      const length = layout.nameLength(view, entry);
      if (layout.entryInode(view, entry) === 0 || layout.isDotName(bytes, start, length)) continue;
      // A name in the wrong leaf cannot be looked up, but it is listed, once, where it lies.
      const major = names.hashEntry(version, run, entry) ? Math.min(Math.max(this.#hash.major, lowest), highest) : lowest;
      if (this.count === this.#keys.length) this.#grow();
      this.#keys[this.count] = keyOfHash(major) + (crc32c(0xffffffff, bytes, start, start + length) >>> TIE_SHIFT);
      this.#runs[this.count] = this.leaves.length;
      this.#entries[this.count++] = entry;
    }
    this.leaves.push(leaf);
    this.loads.push(load);
  }

  /** To be called after the last `add`. */
  sort(): void {
    this.#sortKeys();
    for (let index = 0, previous = -1, ordinal = 0; index < this.count; index++) {
      const tied = this.key(index) - (this.key(index) % ORDINALS);
      ordinal = tied === previous ? Math.min(ordinal + 1, ORDINALS - 1) : 0;
      this.#keys[index] = tied + ordinal;
      previous = tied;
    }
  }

  /** Index of the first entry whose key is not below `key`. */
  firstAtOrAfter(key: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.key(middle) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Equal keys stay in the order in which they lie, so that their ordinals do not change without a reason. */
  #isAfter(index: number, key: number, run: number, entry: number): boolean {
    const other = this.key(index);
    if (other !== key) return other > key;
    return this.runOf(index) === run ? this.entryOf(index) > entry : this.runOf(index) > run;
  }

  /** Shell's sort, of three arrays at once. */
  #sortKeys(): void {
    const keys = this.#keys;
    const runs = this.#runs;
    const entries = this.#entries;
    for (const gap of GAPS) {
      for (let index = gap; index < this.count; index++) {
        const key = keys[index] as number;
        const run = runs[index] as number;
        const entry = entries[index] as number;
        let at = index;
        for (; at >= gap && this.#isAfter(at - gap, key, run, entry); at -= gap) {
          keys[at] = keys[at - gap] as number;
          runs[at] = runs[at - gap] as number;
          entries[at] = entries[at - gap] as number;
        }
        keys[at] = key;
        runs[at] = run;
        entries[at] = entry;
      }
    }
  }

  #grow(): void {
    if (this.count >= MAX_ENTRIES) throw new CorruptionError('htree', {}, `more than ${MAX_ENTRIES} names from hash ${this.low.toString(16)} on continue each other`);
    const keys = this.#keys;
    const runs = this.#runs;
    const entries = this.#entries;
    this.#keys = new Float64Array(keys.length * 2);
    this.#runs = new Uint32Array(keys.length * 2);
    this.#entries = new Uint32Array(keys.length * 2);
    this.#keys.set(keys);
    this.#runs.set(runs);
    this.#entries.set(entries);
  }
}
