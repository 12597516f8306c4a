import { serverShim } from '../../native/shim.js';

/**
 * CRC-32C (Castagnoli), reflected, as ext4 and jbd2 use it: the running value goes in and comes out
 * as it is. Neither the initial nor the final inversion of the usual CRC-32C happens here; ext4 seeds
 * with ~0 and stores the raw result.
 */
const POLYNOMIAL = 0x82f63b78;

/** TABLE[256 * n + b] is the effect of byte b followed by n zero bytes: what slicing-by-8 looks up. */
const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at++) {
    const shorter = table[at - 256] as number;
    table[at] = (shorter >>> 8) ^ (table[shorter & 0xff] as number);
  }
  return table;
}

/** Below so many bytes the call into native code takes longer than the table. */
const LEAST_FOR_HARDWARE = 96;
const inHardware = serverShim.crc32c;

/** Continues `seed` over bytes[start, end). The result is unsigned. */
export function crc32c(seed: number, bytes: Uint8Array, start: number, end: number): number {
  return end - start < LEAST_FOR_HARDWARE || inHardware === undefined ? crc32cByTable(seed, bytes, start, end) : inHardware(seed, bytes, start, end);
}

/** The same, on every processor. */
export function crc32cByTable(seed: number, bytes: Uint8Array, start: number, end: number): number {
  const table = TABLE;
  let crc = seed | 0;
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (table[1792 + (crc & 0xff)] as number) ^
      (table[1536 + ((crc >>> 8) & 0xff)] as number) ^
      (table[1280 + ((crc >>> 16) & 0xff)] as number) ^
      (table[1024 + (crc >>> 24)] as number) ^
      (table[768 + (bytes[at + 4] as number)] as number) ^
      (table[512 + (bytes[at + 5] as number)] as number) ^
      (table[256 + (bytes[at + 6] as number)] as number) ^
      (table[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) {
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return crc >>> 0;
}

/** Continues `seed` over the four bytes of a little-endian u32: inode numbers and generations. */
export function crc32cUint32(seed: number, value: number): number {
  const word = seed ^ value;
  return (
    ((TABLE[768 + (word & 0xff)] as number) ^
      (TABLE[512 + ((word >>> 8) & 0xff)] as number) ^
      (TABLE[256 + ((word >>> 16) & 0xff)] as number) ^
      (TABLE[word >>> 24] as number)) >>>
    0
  );
}

/** Continues `seed` over `length` zero bytes: a checksum field counts as zero in what it covers. */
export function crc32cZeros(seed: number, length: number): number {
  let crc = seed | 0;
  for (let left = length; left > 0; left--) crc = (crc >>> 8) ^ (TABLE[crc & 0xff] as number);
  return crc >>> 0;
}
