/**
 * What all jbd2 blocks have in common (Documentation/filesystems/ext4/journal.rst). Everything in a
 * journal is big-endian, unlike the rest of ext4: DataView's own default, so no accessor here says so.
 */

/** First word of every block of the log that is not file system content. */
export const JOURNAL_MAGIC = 0xc03b3998;

export const journalBlockType = {
  descriptor: 1,
  commit: 2,
  superblockV1: 3,
  superblockV2: 4,
  revoke: 5,
} as const;

/** Magic, block type, sequence. */
export const JOURNAL_HEADER_SIZE = 12;

export const journalMagic = (view: DataView): number => view.getUint32(0);
export const journalType = (view: DataView): number => view.getUint32(4);
export const journalSequence = (view: DataView): number => view.getUint32(8);

/** s_feature_compat */
export const journalCompat = { checksumV1: 0x1 } as const;

/** s_feature_incompat */
export const journalIncompat = {
  revoke: 0x1,
  wide: 0x2,
  asyncCommit: 0x4,
  checksumV2: 0x8,
  checksumV3: 0x10,
  fastCommit: 0x20,
} as const;

/** Descriptor and revoke blocks end in their checksum when the journal has CSUM_V2 or CSUM_V3. */
export const JOURNAL_TAIL_SIZE = 4;

/** Sequence numbers wrap at 2^32 and are compared by their distance. */
export const sequenceAtLeast = (a: number, b: number): boolean => ((a - b) | 0) >= 0;
export const nextSequence = (sequence: number): number => (sequence + 1) >>> 0;
