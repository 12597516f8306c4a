/**
 * 64-bit integers of the FUSE ABI as JavaScript numbers, read and written in halves: BigInt costs
 * thirty times as much (docs/decisions.md). Integers on /dev/fuse have the host's byte order; every
 * platform this program is built for is little-endian.
 */
const TWO_TO_32 = 0x1_0000_0000;

/** Unsigned; above 2^53 the result is rounded, so a value that matters is checked with Number.isSafeInteger. */
export function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * TWO_TO_32;
}

/** Two's complement; rounded outside ±2^53. */
export function readI64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getInt32(offset + 4, true) * TWO_TO_32;
}

/** Any integer within ±2^53; negative ones in two's complement. */
export function write64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, Math.floor(value / TWO_TO_32), true);
}

/** 2^64-1, which no number can hold: "for ever" in a timeout. */
export function writeMaximumU64(view: DataView, offset: number): void {
  view.setUint32(offset, 0xffffffff, true);
  view.setUint32(offset + 4, 0xffffffff, true);
}
