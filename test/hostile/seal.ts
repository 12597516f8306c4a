/** Puts right checksums over damaged metadata, so that the damage gets through to the code behind them. */
import { crc32c, crc32cUint32 } from '../../server/ext4/layout/crc32c.js';
import type { Region } from './anatomy.js';

type Seal = (bytes: Uint8Array, view: DataView, region: Region) => void;

const withZeros = (bytes: Uint8Array, offsets: readonly [number, number][], compute: () => number): number => {
  for (const [start, length] of offsets) bytes.fill(0, start, start + length);
  return compute();
};

const sealSuperblock: Seal = (bytes, view, { start }) =>
  view.setUint32(start + 0x3fc, crc32c(0xffffffff, bytes, start, start + 0x3fc), true);

const sealDescriptor: Seal = (bytes, view, { start, length, seed, number }) => {
  const sum = withZeros(bytes, [[start + 0x1e, 2]], () => crc32c(crc32cUint32(seed, number), bytes, start, start + length));
  view.setUint16(start + 0x1e, sum & 0xffff, true);
};

const sealInode: Seal = (bytes, view, { start, length, seed, number }) => {
  const hasHigh = length > 128 && view.getUint16(start + 0x80, true) >= 4;
  const holes: [number, number][] = hasHigh ? [[start + 0x7c, 2], [start + 0x82, 2]] : [[start + 0x7c, 2]];
  const inodeSeed = crc32cUint32(crc32cUint32(seed, number), view.getUint32(start + 0x64, true));
  const sum = withZeros(bytes, holes, () => crc32c(inodeSeed, bytes, start, start + length));
  view.setUint16(start + 0x7c, sum & 0xffff, true);
  if (hasHigh) view.setUint16(start + 0x82, sum >>> 16, true);
};

const sealExtents: Seal = (bytes, view, { start, length, seed }) => {
  const tail = start + 12 + 12 * view.getUint16(start + 4, true);
  if (tail + 4 <= start + length) view.setUint32(tail, crc32c(seed, bytes, start, tail), true);
};

const sealDirectory: Seal = (bytes, view, { start, length, seed }) =>
  view.setUint32(start + length - 4, crc32c(seed, bytes, start, start + length - 12), true);

/** The count and limit of an htree's root follow "." and "..", those of other nodes an empty entry. */
const sealHtree: Seal = (bytes, view, { start, length, seed }) => {
  const isNode = view.getUint16(start + 4, true) === length;
  const counts = start + (isNode ? 8 : 0x18 + (bytes[start + 0x1d] ?? 8));
  if (counts + 4 > start + length) return;
  const end = counts + 8 * view.getUint16(counts + 2, true);
  const tail = counts + 8 * view.getUint16(counts, true);
  if (end > start + length || tail + 8 > start + length) return;
  const sum = withZeros(bytes, [[tail + 4, 4]], () => crc32c(crc32c(seed, bytes, start, end), bytes, tail, tail + 8));
  view.setUint32(tail + 4, sum, true);
};

const sealAttributes: Seal = (bytes, view, { start, length, seed, number }) => {
  const numbered = crc32cUint32(crc32cUint32(seed, number), 0);
  view.setUint32(start + 0x10, withZeros(bytes, [[start + 0x10, 4]], () => crc32c(numbered, bytes, start, start + length)), true);
};

const sealJournalSuperblock: Seal = (bytes, view, { start }) =>
  view.setUint32(start + 0xfc, withZeros(bytes, [[start + 0xfc, 4]], () => crc32c(0xffffffff, bytes, start, start + 1024)));

const seals: Partial<Record<Region['kind'], Seal>> = {
  superblock: sealSuperblock,
  'group descriptor': sealDescriptor,
  inode: sealInode,
  'extent block': sealExtents,
  'directory block': sealDirectory,
  'htree node': sealHtree,
  'attribute block': sealAttributes,
  'journal superblock': sealJournalSuperblock,
};

export function seal(bytes: Uint8Array, region: Region): void {
  seals[region.kind]?.(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), region);
}
