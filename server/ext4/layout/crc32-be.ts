/**
 * CRC-32 with the most significant bit first and no inversions: what a jbd2 commit block holds under
 * the COMPAT_CHECKSUM feature, over the descriptor and data blocks of its transaction, seeded with ~0.
 */
const POLYNOMIAL = 0x04c11db7;

/** TABLE[256 * n + b] is the effect of byte b followed by n zero bytes (slicing-by-4). */
const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at++) {
    const shorter = table[at - 256] as number;
    table[at] = (shorter << 8) ^ (table[shorter >>> 24] as number);
  }
  return table;
}

/** Continues `seed` over bytes[start, end). The result is unsigned. */
export function crc32Be(seed: number, bytes: Uint8Array, start: number, end: number): number {
  const table = TABLE;
  let crc = seed | 0;
  let at = start;
  for (const last = end - 4; at <= last; at += 4) {
    crc ^=
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number);
    crc =
      (table[768 + (crc >>> 24)] as number) ^
      (table[512 + ((crc >>> 16) & 0xff)] as number) ^
      (table[256 + ((crc >>> 8) & 0xff)] as number) ^
      (table[crc & 0xff] as number);
  }
  for (; at < end; at++) {
    crc = (crc << 8) ^ (table[(crc >>> 24) ^ (bytes[at] as number)] as number);
  }
  return crc >>> 0;
}
