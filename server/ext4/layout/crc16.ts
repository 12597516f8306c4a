/**
 * CRC-16 with the polynomial x^16 + x^15 + x^2 + 1, reflected: group descriptors under the
 * uninit_bg (gdt_csum) feature. Seeded with 0xffff by ext4, stored as it is.
 */
const POLYNOMIAL = 0xa001;

const TABLE = makeTable();

function makeTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    table[byte] = crc;
  }
  return table;
}

/** Continues `seed` over bytes[start, end). */
export function crc16(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = seed & 0xffff;
  for (let at = start; at < end; at++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return crc;
}

/** Continues `seed` over the four bytes of a little-endian u32: the group number. */
export function crc16Uint32(seed: number, value: number): number {
  let crc = seed & 0xffff;
  for (let shift = 0; shift < 32; shift += 8) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (value >>> shift)) & 0xff] as number);
  }
  return crc;
}
