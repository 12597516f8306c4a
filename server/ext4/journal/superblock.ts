import { CorruptionError, UnsupportedError } from '../errors.js';
import { crc32c, crc32cZeros } from '../layout/crc32c.js';
import { JOURNAL_MAGIC, journalBlockType, journalCompat, journalIncompat, journalMagic, journalType } from '../layout/journal.js';
import { journalBlock, type JournalBlock } from '../units.js';
import type { JournalSource } from './source.js';

/** How blocks of the log prove that they are whole. */
export type JournalChecksum = 'none' | 'v1' | 'v2' | 'v3';

/** The journal's superblock, checked: every position below lies within the journal. */
export interface JournalSuperblock {
  readonly checksum: JournalChecksum;
  /** CRC-32C of the journal's UUID, with which checksums of v2 and v3 begin. */
  readonly checksumSeed: number;
  /** Block numbers have 64 bits (JBD2_FEATURE_INCOMPAT_64BIT). */
  readonly wide: boolean;
  readonly asyncCommit: boolean;

  /** The log proper is a ring over [first, end). */
  readonly first: JournalBlock;
  readonly end: JournalBlock;
  /** Where the log begins; null when there is nothing to recover. */
  readonly start: JournalBlock | null;
  /** Sequence number of the transaction at `start`. */
  readonly sequence: number;

  /** Fast-commit blocks are [first, end) here; null when the journal has none. */
  readonly fastCommit: { readonly first: JournalBlock; readonly end: JournalBlock } | null;

  /** The error that the filesystem recorded when it aborted the journal; 0 if none. Positive. */
  readonly errno: number;
  /** How many filesystems share an external journal. */
  readonly users: number;
}

export const journalSuperblockOffsets = {
  blockType: 0x04,
  blockSize: 0x0c,
  maxLength: 0x10,
  first: 0x14,
  sequence: 0x18,
  start: 0x1c,
  errno: 0x20,
  featureCompat: 0x24,
  featureIncompat: 0x28,
  featureReadOnlyCompat: 0x2c,
  uuid: 0x30,
  users: 0x40,
  checksumType: 0x50,
  fastCommitBlocks: 0x54,
  /** Where the next mount may go on in the ring; only while there is nothing to recover. */
  head: 0x58,
  checksum: 0xfc,
} as const;
const offsets = journalSuperblockOffsets;

export const JOURNAL_SUPERBLOCK_SIZE = 1024;
const UUID_SIZE = 16;
export const JOURNAL_CRC32C = 4;

/** Without a number of its own, a journal with fast commits reserves this many blocks for them. */
const DEFAULT_FAST_COMMIT_BLOCKS = 256;
/** What must remain for the log proper beside the fast-commit blocks. */
const MIN_LOG_BLOCKS = 1024;
/** The largest that mke2fs and tune2fs make. More would let a small sparse image keep recovery busy for hours. */
const MAX_LOG_BLOCKS = 10_240_000;

const KNOWN_INCOMPAT = Object.values(journalIncompat).reduce((all, bit) => all | bit, 0);

/** @throws CorruptionError, UnsupportedError */
export function readJournalSuperblock(source: JournalSource): JournalSuperblock {
  const bytes = new Uint8Array(source.blockSize);
  source.read(journalBlock(0), bytes);
  return parseJournalSuperblock(bytes, source);
}

function parseJournalSuperblock(bytes: Uint8Array, source: JournalSource): JournalSuperblock {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const field = (offset: number): number => view.getUint32(offset);

  if (journalMagic(view) !== JOURNAL_MAGIC) corrupt(0, 'no magic number');
  const type = journalType(view);
  if (type !== journalBlockType.superblockV1 && type !== journalBlockType.superblockV2) {
    corrupt(4, `block type ${type}`);
  }
  if (field(offsets.blockSize) !== source.blockSize) {
    corrupt(offsets.blockSize, `block size ${field(offsets.blockSize)}, the filesystem's is ${source.blockSize}`);
  }

  // Version 1 ends before the features: whatever stands there means nothing.
  const features = type === journalBlockType.superblockV2 ? readFeatures(view) : NO_FEATURES;
  if (features.checksum === 'v2' || features.checksum === 'v3') verifyChecksum(bytes, view);

  const length = field(offsets.maxLength);
  if (length > source.blockCount) {
    corrupt(offsets.maxLength, `${length} blocks, but only ${source.blockCount} exist`);
  }
  if (length > MAX_LOG_BLOCKS) throw new UnsupportedError(`journal of ${length} blocks, more than ${MAX_LOG_BLOCKS}`);

  const reserved = features.fastCommit ? field(offsets.fastCommitBlocks) || DEFAULT_FAST_COMMIT_BLOCKS : 0;
  if (features.fastCommit && length - reserved < MIN_LOG_BLOCKS) {
    corrupt(offsets.fastCommitBlocks, `${reserved} fast-commit blocks in a journal of ${length}`);
  }
  const end = length - reserved;

  const first = field(offsets.first);
  if (first === 0 || first >= end) corrupt(offsets.first, `log begins at block ${first} of ${end}`);
  const start = field(offsets.start);
  if (start !== 0 && (start < first || start >= end)) {
    corrupt(offsets.start, `recovery begins at block ${start}, outside ${first}..${end - 1}`);
  }

  return {
    checksum: features.checksum,
    checksumSeed: crc32c(0xffffffff, bytes, offsets.uuid, offsets.uuid + UUID_SIZE),
    wide: features.wide,
    asyncCommit: features.asyncCommit,
    first: journalBlock(first),
    end: journalBlock(end),
    start: start === 0 ? null : journalBlock(start),
    sequence: field(offsets.sequence),
    // The block at `end` itself stays unused: the kernel counts fast-commit blocks from the next one.
    fastCommit: features.fastCommit ? { first: journalBlock(end + 1), end: journalBlock(length) } : null,
    // Stored as the kernel's negative error number.
    errno: Math.abs(field(offsets.errno) | 0),
    users: type === journalBlockType.superblockV2 ? field(offsets.users) : 1,
  };
}

interface Features {
  readonly checksum: JournalChecksum;
  readonly wide: boolean;
  readonly asyncCommit: boolean;
  readonly fastCommit: boolean;
}

const NO_FEATURES: Features = { checksum: 'none', wide: false, asyncCommit: false, fastCommit: false };

function readFeatures(view: DataView): Features {
  const compat = view.getUint32(offsets.featureCompat);
  const incompat = view.getUint32(offsets.featureIncompat);
  const readOnlyCompat = view.getUint32(offsets.featureReadOnlyCompat);
  const unknown = (incompat & ~KNOWN_INCOMPAT) >>> 0;
  if (unknown !== 0) throw new UnsupportedError(`journal has unknown incompatible features 0x${unknown.toString(16)}`);
  if (readOnlyCompat !== 0) {
    throw new UnsupportedError(`journal has unknown read-only features 0x${readOnlyCompat.toString(16)}`);
  }

  const versions: JournalChecksum[] = [];
  if ((compat & journalCompat.checksumV1) !== 0) versions.push('v1');
  if ((incompat & journalIncompat.checksumV2) !== 0) versions.push('v2');
  if ((incompat & journalIncompat.checksumV3) !== 0) versions.push('v3');
  if (versions.length > 1) {
    corrupt(offsets.featureIncompat, `checksums ${versions.join(' and ')} exclude each other`);
  }
  return {
    checksum: versions[0] ?? 'none',
    wide: (incompat & journalIncompat.wide) !== 0,
    asyncCommit: (incompat & journalIncompat.asyncCommit) !== 0,
    fastCommit: (incompat & journalIncompat.fastCommit) !== 0,
  };
}

function verifyChecksum(bytes: Uint8Array, view: DataView): void {
  const type = view.getUint8(offsets.checksumType);
  if (type !== JOURNAL_CRC32C) corrupt(offsets.checksumType, `checksum type ${type}`);
  if (journalSuperblockChecksum(bytes) !== view.getUint32(offsets.checksum)) corrupt(offsets.checksum, 'checksum does not match');
}

/** Of its 1024 bytes, the field itself taken as zero. */
export function journalSuperblockChecksum(bytes: Uint8Array): number {
  const crc = crc32cZeros(crc32c(0xffffffff, bytes, 0, offsets.checksum), 4);
  return crc32c(crc, bytes, offsets.checksum + 4, JOURNAL_SUPERBLOCK_SIZE);
}

function corrupt(offset: number, detail: string): never {
  throw new CorruptionError('journal superblock', { offset }, detail);
}
