/** Damage to metadata: flipped bits, edge values, numbers that point back at themselves, pieces of elsewhere. */
import type { Random } from '../support/random.js';
import type { Anatomy, Region, RegionKind } from './anatomy.js';
import { seal } from './seal.js';

export interface Change {
  readonly kind: RegionKind;
  readonly start: number;
  readonly length: number;
  /** What was there before. */
  readonly original: Uint8Array;
}

const pick = <Item>(random: Random, items: readonly Item[]): Item => items[random.below(items.length)] as Item;

const edgeValues = (random: Random, anatomy: Anatomy, region: Region): number =>
  pick(random, [
    0, 1, 2, 8, 0x7f, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0,
    region.number, Math.floor(region.start / anatomy.blockSize), anatomy.blocksCount, anatomy.blocksCount - 1, anatomy.inodesCount,
    anatomy.inodesCount + 1, anatomy.blockSize, anatomy.blockSize - 1, random.below(anatomy.blocksCount), random.below(anatomy.inodesCount),
  ]);

type Mutation = (bytes: Uint8Array, random: Random, anatomy: Anatomy, region: Region) => void;

const flipBit: Mutation = (bytes, random, _anatomy, { start, length }) => {
  const at = start + random.below(length);
  bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
};

const setByte: Mutation = (bytes, random, _anatomy, { start, length }) => {
  bytes[start + random.below(length)] = pick(random, [0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
};

/** A field of two or four bytes; most fields of consequence are near the beginning. */
const setField: Mutation = (bytes, random, anatomy, region) => {
  const width = pick(random, [2, 4]);
  const reach = random.below(2) === 0 ? Math.min(region.length, 128) : region.length;
  const at = region.start + random.below(reach / width) * width;
  const value = edgeValues(random, anatomy, region);
  for (let index = 0; index < width; index++) bytes[at + index] = (value >>> (8 * index)) & 0xff;
};

const nudgeField: Mutation = (bytes, random, _anatomy, { start, length }) => {
  const at = start + random.below(length / 2) * 2;
  const value = (bytes[at] as number) + pick(random, [-4, -1, 1, 4]);
  bytes[at] = value & 0xff;
};

/** The same kind of structure from elsewhere on the image, or a piece of it. */
const splice: Mutation = (bytes, random, anatomy, region) => {
  const others = anatomy.regions.filter(({ kind }) => random.below(4) === 0 || kind === region.kind);
  const other = pick(random, others.length > 0 ? others : [region]);
  const longest = Math.min(region.length, other.length);
  const whole = random.below(3) === 0;
  const length = whole ? longest : 1 + random.below(Math.min(longest, 64));
  const from = other.start + (whole ? 0 : random.below(other.length - length + 1));
  bytes.copyWithin(region.start + (whole ? 0 : random.below(region.length - length + 1)), from, from + length);
};

const erase: Mutation = (bytes, random, _anatomy, { start, length }) => {
  const from = start + random.below(length);
  bytes.fill(pick(random, [0, 0xff]), from, Math.min(from + 1 + random.below(64), start + length));
};

const mutations: readonly Mutation[] = [flipBit, setByte, setField, setField, nudgeField, splice, erase];

/** One image in so many keeps its wrong checksums: that path has to hold too. */
const UNSEALED = 10;

/** Damages the image in one to four places. `undo` on what it returns makes it sound again. */
export function damage(bytes: Uint8Array, anatomy: Anatomy, random: Random): readonly Change[] {
  const kinds = [...new Set(anatomy.regions.map(({ kind }) => kind))];
  const changes: Change[] = [];
  const sealing = anatomy.sealed && random.below(UNSEALED) !== 0;
  for (let places = 1 + random.below(4); places > 0; places--) {
    const kind = pick(random, kinds);
    const region = pick(random, anatomy.regions.filter((candidate) => candidate.kind === kind));
    const { start, length } = region;
    changes.push({ kind, start, length, original: bytes.slice(start, start + length) });
    for (let count = 1 + random.below(3); count > 0; count--) pick(random, mutations)(bytes, random, anatomy, region);
    if (sealing) seal(bytes, region);
  }
  return changes;
}

export function undo(bytes: Uint8Array, changes: readonly Change[]): void {
  for (const { start, original } of [...changes].reverse()) bytes.set(original, start);
}
