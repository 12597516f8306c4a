import { CorruptionError } from '../errors.js';
import { crc32c, crc32cUint32 } from '../layout/crc32c.js';
import { JOURNAL_HEADER_SIZE } from '../layout/journal.js';
import type { JournalSuperblock } from './superblock.js';
import { contentEnd, hasBlockChecksums } from './tail-checksum.js';

/** A tag: which block of the filesystem the next block of the log holds. */
export interface DescriptorTag {
  /** Unchecked: 64 bits as a number, or NaN above 2^53. */
  readonly target: number;
  /** The content began with the journal's magic number, and four zero bytes stand in its place. */
  readonly escaped: boolean;
  /** 32 bits of CRC-32C in v3, its lower 16 in v2, 0 otherwise. */
  readonly checksum: number;
}

export const tagFlag = { escaped: 1, sameUuid: 2, deleted: 4, last: 8 } as const;
export const TAG_UUID_SIZE = 16;

/** Size of a tag without the UUID that may follow. */
export function tagSize(journal: JournalSuperblock): number {
  if (journal.checksum === 'v3') return 16;
  // v2 kept its checksum where 16 spare bits had been, and grew the tag by two unused bytes all the same.
  return 8 + (journal.wide ? 4 : 0) + (journal.checksum === 'v2' ? 2 : 0);
}

/** The tags in order. Ends with the tag marked as the last one, or where no other fits. */
export function* descriptorTags(journal: JournalSuperblock, view: DataView): Generator<DescriptorTag> {
  const size = tagSize(journal);
  const end = contentEnd(journal, view.byteLength);
  let at = JOURNAL_HEADER_SIZE;
  while (at + size <= end) {
    const flags = view.getUint16(at + 6);
    yield {
      target: blockNumber(view.getUint32(at), journal.wide ? view.getUint32(at + 8) : 0),
      escaped: (flags & tagFlag.escaped) !== 0,
      checksum: tagChecksum(journal, view, at),
    };
    if ((flags & tagFlag.last) !== 0) return;
    at += size + ((flags & tagFlag.sameUuid) === 0 ? TAG_UUID_SIZE : 0);
  }
}

/** How many blocks of the log belong to this descriptor. */
export function countTags(journal: JournalSuperblock, view: DataView): number {
  const tags = descriptorTags(journal, view);
  let count = 0;
  while (tags.next().done !== true) count++;
  return count;
}

/** Whether `content`, as it stands in the log (still escaped), is what the tag was made for. */
export function taggedContentMatches(
  journal: JournalSuperblock,
  tag: DescriptorTag,
  sequence: number,
  content: Uint8Array,
): boolean {
  if (!hasBlockChecksums(journal)) return true;
  const crc = crc32c(contentChecksumSeed(journal, sequence), content, 0, content.length);
  return tag.checksum === (journal.checksum === 'v3' ? crc : crc & 0xffff);
}

/** @throws CorruptionError where the tag points outside the filesystem */
export function checkedTarget(tag: DescriptorTag, blockCount: number, descriptor: number): number {
  if (tag.target < blockCount) return tag.target;
  throw new CorruptionError('journal block', { block: descriptor }, `tag for block ${tag.target} of ${blockCount}`);
}

function tagChecksum(journal: JournalSuperblock, view: DataView, at: number): number {
  if (journal.checksum === 'v3') return view.getUint32(at + 12);
  return journal.checksum === 'v2' ? view.getUint16(at + 4) : 0;
}

/** Of two 32-bit halves; NaN, which lies inside no filesystem, above 2^53-1. */
export function blockNumber(low: number, high: number): number {
  const number = high * 0x1_0000_0000 + low;
  return Number.isSafeInteger(number) ? number : Number.NaN;
}

/** What the checksum of every block of the transaction begins with: it covers the sequence number in the journal's byte order. */
export const contentChecksumSeed = (journal: JournalSuperblock, sequence: number): number =>
  crc32cUint32(journal.checksumSeed, swapBytes(sequence));

function swapBytes(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
