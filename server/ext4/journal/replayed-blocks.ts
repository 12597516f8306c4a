import { journalBlock, type JournalBlock } from '../units.js';

const EMPTY = -1;
/** The journal's superblock can hold no content, so its number says that a block was revoked. */
const REVOKED = 0;
const ESCAPED = 0x8000_0000;
const FIRST_CAPACITY = 1024;

/**
 * Where in the journal the last committed content of each block stands. Contents stay in the journal
 * until they are asked for; what is kept here are 16 bytes a slot, at most 32 a block, so that
 * even the largest journal is recovered within a few hundred megabytes, and a usual one within one.
 */
export class ReplayedBlocks {
  /** Open addressing with linear probing; a power of two slots, at most half of them taken. */
  #targets = new Float64Array(FIRST_CAPACITY).fill(EMPTY);
  #locations = new Uint32Array(FIRST_CAPACITY);
  #sequences = new Uint32Array(FIRST_CAPACITY);
  #taken = 0;
  #revoked = 0;

  /** How many blocks the journal holds contents for. */
  get size(): number {
    return this.#taken - this.#revoked;
  }

  /** Notes content for a block; a later call replaces an earlier one. */
  set(target: number, location: JournalBlock, escaped: boolean, sequence: number): void {
    if (2 * (this.#taken + 1) > this.#targets.length) this.#grow();
    this.#put(target, (escaped ? location | ESCAPED : location) >>> 0, sequence);
  }

  /** Where the block's content is; null when the journal has none. */
  locate(target: number): JournalBlock | null {
    const location = this.#location(target);
    return location === REVOKED ? null : journalBlock((location & ~ESCAPED) >>> 0);
  }

  /** Whether the content's first four bytes were the journal's magic number, which the log holds as zeros. */
  isEscaped(target: number): boolean {
    return (this.#location(target) & ESCAPED) !== 0;
  }

  /** The transaction that logged the block's content; undefined when there is none. */
  sequenceOf(target: number): number | undefined {
    const slot = this.#slot(target);
    return this.#targets[slot] === EMPTY || this.#locations[slot] === REVOKED ? undefined : this.#sequences[slot];
  }

  /** Forgets the block's content. */
  revoke(target: number): void {
    const slot = this.#slot(target);
    if (this.#targets[slot] === EMPTY || this.#locations[slot] === REVOKED) return;
    this.#locations[slot] = REVOKED;
    this.#revoked++;
  }

  /** The blocks that have content, in ascending order. */
  sortedTargets(): Float64Array {
    const targets = this.#targets.filter((target, slot) => target !== EMPTY && this.#locations[slot] !== REVOKED);
    return targets.sort();
  }

  #location(target: number): number {
    const slot = this.#slot(target);
    return this.#targets[slot] === EMPTY ? REVOKED : (this.#locations[slot] as number);
  }

  #put(target: number, location: number, sequence: number): void {
    const slot = this.#slot(target);
    if (this.#targets[slot] === EMPTY) {
      this.#targets[slot] = target;
      this.#taken++;
    } else if (this.#locations[slot] === REVOKED) {
      this.#revoked--;
    }
    this.#locations[slot] = location;
    this.#sequences[slot] = sequence;
  }

  /** The slot of the block, or the one where it would be put. */
  #slot(target: number): number {
    const mask = this.#targets.length - 1;
    // Multiplicative hashing: neighbouring blocks, which are the rule, spread over the table.
    let slot = (Math.imul(target | 0, 0x9e3779b1) ^ (target / 0x1_0000_0000)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & mask;
    while (this.#targets[slot] !== EMPTY && this.#targets[slot] !== target) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [targets, locations, sequences] = [this.#targets, this.#locations, this.#sequences];
    const capacity = 2 * targets.length;
    this.#targets = new Float64Array(capacity).fill(EMPTY);
    this.#locations = new Uint32Array(capacity);
    this.#sequences = new Uint32Array(capacity);
    this.#taken = 0;
    this.#revoked = 0;
    for (let slot = 0; slot < targets.length; slot++) {
      const target = targets[slot] as number;
      if (target !== EMPTY && locations[slot] !== REVOKED) {
        this.#put(target, locations[slot] as number, sequences[slot] as number);
      }
    }
  }
}
