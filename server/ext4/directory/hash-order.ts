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

/** The rest of a division without a call of the C library, which `%` of large numbers is. */
const below = (value: number, unit: number): number => value - Math.floor(value / unit) * unit;

/** The first key of a hash. */
export const keyOfHash = (major: number): number => Math.floor(major / 2) * TIE;
export const hashOfKey = (key: number): number => Math.floor(key / TIE) * 2;

/**
 * The entries of one leaf, or of leaves that continue each other, in order.
 *
 * What is sorted are ranks, by the sort of typed arrays, which is quick from the first call on: the hash and behind it
 * the number of the entry in the order of `add`; among entries of one hash, the rest of the key and that number.
 */
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
  /** In the order of `add`. */
  #keys = new Float64Array(512);
  /** Where each entry lies: its run, and the entry in it. */
  #runs = new Uint32Array(512);
  #entries = new Uint32Array(512);
  #ranks = new Float64Array(512);
  /** Which entry comes when. */
  #order = new Uint32Array(512);

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
    return this.#keys[this.#order[index] as number] as number;
  }

  runOf(index: number): number {
    return this.#runs[this.#order[index] as number] as number;
  }

  entryOf(index: number): number {
    return this.#entries[this.#order[index] as number] as number;
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
    this.#sortRanks();
    const keys = this.#keys;
    for (let index = 0, previous = -1, ordinal = 0; index < this.count; index++) {
      const entry = below(this.#ranks[index] as number, MAX_ENTRIES);
      const key = keys[entry] as number;
      const tied = key - below(key, ORDINALS);
      // Equal keys stay in the order in which they lie, so that their ordinals do not change without a reason.
      ordinal = tied === previous ? Math.min(ordinal + 1, ORDINALS - 1) : 0;
      this.#order[index] = entry;
      keys[entry] = tied + ordinal;
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

  #sortRanks(): void {
    const { count } = this;
    const ranks = this.#ranks;
    for (let entry = 0; entry < count; entry++) ranks[entry] = Math.floor((this.#keys[entry] as number) / TIE) * MAX_ENTRIES + entry;
    ranks.subarray(0, count).sort();
    for (let first = 0, hash = -1, index = 0; index <= count; index++) {
      const next = index < count ? Math.floor((ranks[index] as number) / MAX_ENTRIES) : -1;
      if (next === hash) continue;
      if (index - first > 1) this.#sortTied(first, index);
      first = index;
      hash = next;
    }
  }

  /** Sorts the ranks of entries of one hash. */
  #sortTied(first: number, end: number): void {
    const tied = this.#ranks.subarray(first, end);
    for (let index = 0; index < tied.length; index++) {
      const entry = below(tied[index] as number, MAX_ENTRIES);
      tied[index] = below(this.#keys[entry] as number, TIE) * MAX_ENTRIES + entry;
    }
    tied.sort();
  }

  #grow(): void {
    if (this.count >= MAX_ENTRIES) throw new CorruptionError('htree', {}, `more than ${MAX_ENTRIES} names from hash ${this.low.toString(16)} on continue each other`);
    const keys = this.#keys;
    const runs = this.#runs;
    const entries = this.#entries;
    this.#keys = new Float64Array(keys.length * 2);
    this.#runs = new Uint32Array(keys.length * 2);
    this.#entries = new Uint32Array(keys.length * 2);
    this.#ranks = new Float64Array(keys.length * 2);
    this.#order = new Uint32Array(keys.length * 2);
    this.#keys.set(keys);
    this.#runs.set(runs);
    this.#entries.set(entries);
  }
}
