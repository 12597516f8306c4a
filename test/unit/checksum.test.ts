import t from 'tap';
import { crc16, crc16Uint32 } from '../../server/ext4/layout/crc16.js';
import { crc32Be } from '../../server/ext4/layout/crc32-be.js';
import { crc32c, crc32cByTable, crc32cUint32, crc32cZeros } from '../../server/ext4/layout/crc32c.js';

const CHECK = new TextEncoder().encode('123456789');
const ALL_ONES = 0xffffffff;

/** The definition, one bit at a time: what the tables must agree with. */
function bitwiseReflected(polynomial: number, seed: number, bytes: Uint8Array): number {
  let crc = seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
  }
  return crc >>> 0;
}

function bitwiseForward(polynomial: number, seed: number, bytes: Uint8Array): number {
  let crc = seed;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80000000) === 0 ? crc << 1 : (crc << 1) ^ polynomial;
  }
  return crc >>> 0;
}

/** A fixed, dull sequence: failures repeat. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 167 + (index >> 3)) & 0xff);
}

t.test('crc32c', async (t) => {
  // RFC 3720 B.4 and the catalogue's check value; the published values carry a final inversion.
  const published = (bytes: Uint8Array): number => (~crc32c(ALL_ONES, bytes, 0, bytes.length)) >>> 0;
  t.equal(published(CHECK), 0xe3069283);
  t.equal(published(new Uint8Array(32)), 0x8a9136aa);
  t.equal(published(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  t.equal(published(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
  t.equal(published(Uint8Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c);
  t.equal(crc32c(ALL_ONES, CHECK, 3, 3), ALL_ONES, 'an empty range leaves the seed');

  // Up to lengths where the processor's instruction takes over from the table.
  const bytes = pattern(307);
  for (let start = 0; start < 9; start++) {
    for (let end = start; end <= bytes.length; end++) {
      const expected = bitwiseReflected(0x82f63b78, 0x12345678, bytes.subarray(start, end));
      for (const compute of [crc32c, crc32cByTable]) if (compute(0x12345678, bytes, start, end) !== expected) t.fail(`${compute.name} of ${start}..${end}`);
    }
  }
  t.throws(() => crc32c(1, bytes, 0, 308), { name: 'RangeError' }, 'never beyond the array');
  t.equal(crc32c(crc32c(1, bytes, 0, 13), bytes, 13, 67), crc32c(1, bytes, 0, 67), 'it continues');
});

t.test('crc32c of numbers and zeros', async (t) => {
  const bytes = new Uint8Array(4);
  for (const value of [0, 1, 8, 0x7fffffff, 0x80000000, 0xdeadbeef, 0xffffffff]) {
    new DataView(bytes.buffer).setUint32(0, value, true);
    t.equal(crc32cUint32(ALL_ONES, value), crc32c(ALL_ONES, bytes, 0, 4));
    t.equal(crc32cUint32(0x89abcdef, value), crc32c(0x89abcdef, bytes, 0, 4));
  }
  t.equal(crc32cZeros(77, 13), crc32c(77, new Uint8Array(13), 0, 13));
});

t.test('crc16', async (t) => {
  t.equal(crc16(0, CHECK, 0, 9), 0xbb3d, 'CRC-16/ARC');
  t.equal(crc16(0xffff, CHECK, 0, 9), 0x4b37, 'CRC-16/MODBUS');
  const group = Uint8Array.of(0x34, 0x12, 0xcd, 0xab);
  t.equal(crc16Uint32(0xffff, 0xabcd1234), crc16(0xffff, group, 0, 4));
});

t.test('crc32, most significant bit first', async (t) => {
  t.equal(crc32Be(ALL_ONES, CHECK, 0, 9), 0x0376e6e7, 'CRC-32/MPEG-2');
  const bytes = pattern(37);
  for (let end = 0; end <= bytes.length; end++) {
    t.equal(crc32Be(ALL_ONES, bytes, 1, end), bitwiseForward(0x04c11db7, ALL_ONES, bytes.subarray(1, end)));
  }
});
