/**
 * Searching bitmaps as ext4 keeps them: bit n is bit n%8 of byte n/8, set when in use. Words are 32
 * bits of a Uint32Array over the same bytes (little-endian hosts only, which is every host Node's
 * FUSE servers run on; the device's order is little-endian too).
 */
export const bitmapWords = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);

export const testBit = (words: Uint32Array, bit: number): boolean => (((words[bit >>> 5] as number) >>> (bit & 31)) & 1) !== 0;

const trailingZeros = (word: number): number => 31 - Math.clz32(word & -word);

/** First clear bit in [from, to), or `to`. */
export function nextClear(words: Uint32Array, from: number, to: number): number {
  let bit = from;
  while (bit < to) {
    const free = ~(words[bit >>> 5] as number) >>> (bit & 31);
    if (free !== 0) return Math.min(bit + trailingZeros(free), to);
    bit = (bit | 31) + 1;
  }
  return to;
}

/** First set bit in [from, to), or `to`. */
export function nextSet(words: Uint32Array, from: number, to: number): number {
  let bit = from;
  while (bit < to) {
    const used = (words[bit >>> 5] as number) >>> (bit & 31);
    if (used !== 0) return Math.min(bit + trailingZeros(used), to);
    bit = (bit | 31) + 1;
  }
  return to;
}

/** The mask of the bits of one word that lie in [from, to). */
const wordMask = (word: number, from: number, to: number): number => {
  const low = Math.max(from - word * 32, 0);
  const high = Math.min(to - word * 32, 32);
  const upTo = high === 32 ? 0xffffffff : (1 << high) - 1;
  return (upTo & (0xffffffff << low)) >>> 0;
};

/** Sets the bits in [from, to), of which there is at least one. */
export function setBits(words: Uint32Array, from: number, to: number): void {
  for (let word = from >>> 5; word <= (to - 1) >>> 5; word++) words[word] = (words[word] as number) | wordMask(word, from, to);
}

/** Clears the bits in [from, to), of which there is at least one. */
export function clearBits(words: Uint32Array, from: number, to: number): void {
  for (let word = from >>> 5; word <= (to - 1) >>> 5; word++) words[word] = (words[word] as number) & ~wordMask(word, from, to);
}

/** Clear bits in [from, to). */
export function countClear(words: Uint32Array, from: number, to: number): number {
  let count = 0;
  for (let word = from >>> 5; word <= (to - 1) >>> 5 && from < to; word++) {
    let bits = ~(words[word] as number) & wordMask(word, from, to);
    bits -= (bits >>> 1) & 0x55555555;
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
    count += (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
  }
  return count;
}
