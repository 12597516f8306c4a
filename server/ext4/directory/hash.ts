/**
 * The hashes that order an indexed directory (Documentation/filesystems/ext4/dynamic.rst, "Hash Tree
 * Directories"). All arithmetic is on 32-bit integers, and nothing is allocated.
 */

/** As the root of an index and s_def_hash_version name them. */
export const HashVersion = {
  LEGACY: 0,
  HALF_MD4: 1,
  TEA: 2,
  LEGACY_UNSIGNED: 3,
  HALF_MD4_UNSIGNED: 4,
  TEA_UNSIGNED: 5,
  SIPHASH: 6,
} as const;

/** From a version whose characters are signed to the one whose characters are not. */
const UNSIGNED_OFFSET = 3;
/** s_flags */
const FLAG_UNSIGNED_HASH = 2;

/** Majors stay below this: readdir positions keep the value for the end. */
const LAST_MAJOR = 0x7fffffff * 2;

const DEFAULT_SEED = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);

/** Computes hashes of names, seeded with one filesystem's s_hash_seed. The result stays until the next call. */
export class NameHash {
  /** Orders the index: 32 bits, the lowest clear, since the index marks continued hashes with it. */
  major = 0;
  /** 32 more bits, which the index does not know. */
  minor = 0;
  readonly #seed: Int32Array;
  readonly #state = new Int32Array(4);
  readonly #words = new Int32Array(8);
  readonly #unsignedOffset: number;

  /** @param flags s_flags; where neither bit is set, characters are signed as on most machines */
  constructor(hashSeed: Uint32Array, flags: number) {
    this.#seed = Int32Array.from(hashSeed.some((word) => word !== 0) ? hashSeed : DEFAULT_SEED);
    this.#unsignedOffset = (flags & FLAG_UNSIGNED_HASH) !== 0 ? UNSIGNED_OFFSET : 0;
  }

  /** Which version is meant by what a root or the superblock says, on this filesystem. */
  effectiveVersion(version: number): number {
    return version <= HashVersion.TEA ? version + this.#unsignedOffset : version;
  }

  /** Hashes bytes[offset, offset+length). False for a version that is unknown, or needs a key (SipHash). */
  compute(version: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const signed = version < UNSIGNED_OFFSET;
    let hash: number;
    switch (version) {
      case HashVersion.LEGACY:
      case HashVersion.LEGACY_UNSIGNED:
        hash = legacyHash(bytes, offset, length, signed);
        this.minor = 0;
        break;
      case HashVersion.HALF_MD4:
      case HashVersion.HALF_MD4_UNSIGNED:
        hash = this.#halfMd4(bytes, offset, length, signed);
        break;
      case HashVersion.TEA:
      case HashVersion.TEA_UNSIGNED:
        hash = this.#tea(bytes, offset, length, signed);
        break;
      default:
        return false;
    }
    const major = (hash & ~1) >>> 0;
    this.major = major === LAST_MAJOR ? LAST_MAJOR - 2 : major;
    return true;
  }

  /** Takes a hash that was stored instead of computed. */
  take(major: number, minor: number): void {
    this.major = major - (major % 2);
    this.minor = minor;
  }

  #halfMd4(bytes: Uint8Array, offset: number, length: number, signed: boolean): number {
    const state = this.#state;
    startFrom(state, this.#seed);
    for (let done = 0; done < length; done += 32) {
      packWords(this.#words, 8, bytes, offset + done, length - done, signed);
      halfMd4Transform(state, this.#words);
    }
    this.minor = (state[2] as number) >>> 0;
    return state[1] as number;
  }

  #tea(bytes: Uint8Array, offset: number, length: number, signed: boolean): number {
    const state = this.#state;
    startFrom(state, this.#seed);
    for (let done = 0; done < length; done += 16) {
      packWords(this.#words, 4, bytes, offset + done, length - done, signed);
      teaTransform(state, this.#words);
    }
    this.minor = (state[1] as number) >>> 0;
    return state[0] as number;
  }
}

/** For four words cheaper than TypedArray.set. */
function startFrom(state: Int32Array, seed: Int32Array): void {
  state[0] = seed[0] as number;
  state[1] = seed[1] as number;
  state[2] = seed[2] as number;
  state[3] = seed[3] as number;
}

/** The hash of the first indexed directories. */
function legacyHash(bytes: Uint8Array, offset: number, length: number, signed: boolean): number {
  let previous = 0x37abe8f9;
  let last = 0x12a3fe2d;
  for (let at = offset; at < offset + length; at++) {
    const character = signed ? ((bytes[at] as number) << 24) >> 24 : (bytes[at] as number);
    let hash = (previous + (last ^ Math.imul(character, 7152373))) | 0;
    if (hash < 0) hash = (hash - 0x7fffffff) | 0;
    previous = last;
    last = hash;
  }
  return last << 1;
}

/** Fills `count` words with characters, four to a word, then with padding that repeats the length left. */
function packWords(words: Int32Array, count: number, bytes: Uint8Array, offset: number, left: number, signed: boolean): void {
  const halfPad = left | (left << 8);
  const pad = halfPad | (halfPad << 16);
  const length = Math.min(left, count * 4);
  let word = pad;
  let filled = 0;
  for (let at = 0; at < length; at++) {
    const byte = bytes[offset + at] as number;
    // A signed character above 127 borrows from the ones before it in the word.
    word = ((signed ? (byte << 24) >> 24 : byte) + (word << 8)) | 0;
    if ((at & 3) === 3) {
      words[filled++] = word;
      word = pad;
    }
  }
  if (filled < count) words[filled++] = word;
  while (filled < count) words[filled++] = pad;
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/**
 * MD4 (RFC 1320) with eight steps instead of sixteen in each round. They are written out: of so many calls
 * V8 does not make one function.
 */
function halfMd4Transform(state: Int32Array, words: Int32Array): void {
  const w0 = words[0] as number;
  const w1 = words[1] as number;
  const w2 = words[2] as number;
  const w3 = words[3] as number;
  const w4 = words[4] as number;
  const w5 = words[5] as number;
  const w6 = words[6] as number;
  const w7 = words[7] as number;
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;

  a = rotate((a + (d ^ (b & (c ^ d))) + w0) | 0, 3);
  d = rotate((d + (c ^ (a & (b ^ c))) + w1) | 0, 7);
  c = rotate((c + (b ^ (d & (a ^ b))) + w2) | 0, 11);
  b = rotate((b + (a ^ (c & (d ^ a))) + w3) | 0, 19);
  a = rotate((a + (d ^ (b & (c ^ d))) + w4) | 0, 3);
  d = rotate((d + (c ^ (a & (b ^ c))) + w5) | 0, 7);
  c = rotate((c + (b ^ (d & (a ^ b))) + w6) | 0, 11);
  b = rotate((b + (a ^ (c & (d ^ a))) + w7) | 0, 19);

  a = rotate((a + ((b & c) + ((b ^ c) & d)) + w1 + 0x5a827999) | 0, 3);
  d = rotate((d + ((a & b) + ((a ^ b) & c)) + w3 + 0x5a827999) | 0, 5);
  c = rotate((c + ((d & a) + ((d ^ a) & b)) + w5 + 0x5a827999) | 0, 9);
  b = rotate((b + ((c & d) + ((c ^ d) & a)) + w7 + 0x5a827999) | 0, 13);
  a = rotate((a + ((b & c) + ((b ^ c) & d)) + w0 + 0x5a827999) | 0, 3);
  d = rotate((d + ((a & b) + ((a ^ b) & c)) + w2 + 0x5a827999) | 0, 5);
  c = rotate((c + ((d & a) + ((d ^ a) & b)) + w4 + 0x5a827999) | 0, 9);
  b = rotate((b + ((c & d) + ((c ^ d) & a)) + w6 + 0x5a827999) | 0, 13);

  a = rotate((a + (b ^ c ^ d) + w3 + 0x6ed9eba1) | 0, 3);
  d = rotate((d + (a ^ b ^ c) + w7 + 0x6ed9eba1) | 0, 9);
  c = rotate((c + (d ^ a ^ b) + w2 + 0x6ed9eba1) | 0, 11);
  b = rotate((b + (c ^ d ^ a) + w6 + 0x6ed9eba1) | 0, 15);
  a = rotate((a + (b ^ c ^ d) + w1 + 0x6ed9eba1) | 0, 3);
  d = rotate((d + (a ^ b ^ c) + w5 + 0x6ed9eba1) | 0, 9);
  c = rotate((c + (d ^ a ^ b) + w0 + 0x6ed9eba1) | 0, 11);
  b = rotate((b + (c ^ d ^ a) + w4 + 0x6ed9eba1) | 0, 15);

  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
}

/** Sixteen rounds of the Tiny Encryption Algorithm with the words as its key. */
function teaTransform(state: Int32Array, words: Int32Array): void {
  const a = words[0] as number;
  const b = words[1] as number;
  const c = words[2] as number;
  const d = words[3] as number;
  let left = state[0] as number;
  let right = state[1] as number;
  let sum = 0;
  for (let round = 0; round < 16; round++) {
    sum = (sum + 0x9e3779b9) | 0;
    left = (left + (((right << 4) + a) ^ (right + sum) ^ ((right >>> 5) + b))) | 0;
    right = (right + (((left << 4) + c) ^ (left + sum) ^ ((left >>> 5) + d))) | 0;
  }
  state[0] = (state[0] as number) + left;
  state[1] = (state[1] as number) + right;
}
