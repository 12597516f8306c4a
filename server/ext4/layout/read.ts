import { CorruptionError, type Place, type Structure } from '../errors.js';

/**
 * A 64-bit value kept on disk as two little-endian halves, as a number.
 * @throws CorruptionError above 2^53-1: nothing on a filesystem is that large
 */
export function joinHalves(low: number, high: number, structure: Structure, place: Place, field: string): number {
  if (high >= 0x200000) throw new CorruptionError(structure, place, `${field} ${high}·2^32+${low} is impossibly large`);
  return high * 0x100000000 + low;
}

/** A fixed-length, NUL-padded string field; bytes that are not UTF-8 show as U+FFFD. */
export function fixedString(bytes: Uint8Array, offset: number, length: number): string {
  let end = offset;
  while (end < offset + length && bytes[end] !== 0) end++;
  return new TextDecoder().decode(bytes.slice(offset, end));
}

const hexadecimal = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The usual text form of a 16-byte UUID. */
export const uuidString = (bytes: Uint8Array): string =>
  hexadecimal(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
