import type { BlockDevice } from '../../device/block-device.js';
import { CorruptionError, UnsupportedError, type FilesystemError } from '../errors.js';
import { InternalJournal, type JournalRun } from '../journal/internal-source.js';
import { JournalStorage } from '../journal/journal-storage.js';
import { recoverJournal } from '../journal/recovery.js';
import type { JournalSource } from '../journal/source.js';
import { readJournalSuperblock } from '../journal/superblock.js';
import { JournalSuperblockWriter, type JournalFormat } from '../journal/superblock-writer.js';
import type { WritableJournal } from '../journal/writable-journal.js';
import { writeHome } from '../journal/write-home.js';
import { nextSequence } from '../layout/journal.js';
import { SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, type Superblock } from '../layout/superblock.js';
import { setSuperblockChecksum } from '../layout/superblock-fields.js';
import { keepErrors } from '../superblock-errors.js';
import type { JournalBlock } from '../units.js';
import { commitInFull } from './fast-commit/commit-in-full.js';
import type { CommittedFilesystem } from './fast-commit/committed-filesystem.js';
import { needsRecovery, openJournal, recoverStored, type StoredFilesystem } from './recovered-filesystem.js';

export interface WritableJournalOptions {
  /** Checksums also for a filesystem without metadata_csum (`journal_checksum`). */
  readonly checksum?: boolean;
  /** Byte offset of the superblock in use. */
  readonly superblockLocation: number;
  /** Reads the filesystem, as its last full commit left it, for the replay of fast commits. */
  readonly open: (device: BlockDevice) => CommittedFilesystem;
}

/**
 * Recovers the filesystem's journal for good, and empties it. What was parsed from the device before,
 * the superblock included, is out of date then. It comes to the same when it is interrupted and
 * repeated at any point.
 *
 * @throws FilesystemError as `recoveredFilesystem` does, and where the journal has a hole
 */
export function openJournalForWriting(
  stored: StoredFilesystem,
  journalDevice: BlockDevice | undefined,
  options: WritableJournalOptions,
  report: (problem: FilesystemError) => void,
): WritableJournal {
  const source = openJournal(stored, journalDevice);
  const external = !(source instanceof InternalJournal);
  const storage = new JournalStorage(source, external && journalDevice !== undefined ? journalDevice : stored.device, external);
  const runs = external ? [] : source.runs;
  const { head, sequence, error } = needsRecovery(stored.superblock) ? recoverHome(stored, source, storage, runs, options, report) : endOfUnused(stored, source);

  const writer = new JournalSuperblockWriter(storage);
  writer.setEmpty(head, sequence);
  writer.setFormat(formatFor(stored.superblock, options.checksum ?? false));
  writer.write();
  storage.flush();
  const superblock = readJournalSuperblock(storage);
  storage.checkPlaces(superblock.end);
  return {
    storage,
    superblock,
    writer,
    head,
    sequence,
    runs,
    error,
  };
}

interface LogEnd {
  readonly head: JournalBlock;
  readonly sequence: number;
  readonly error: number;
}

function recoverHome(
  stored: StoredFilesystem,
  source: JournalSource,
  storage: JournalStorage,
  runs: readonly JournalRun[],
  options: WritableJournalOptions,
  report: (problem: FilesystemError) => void,
): LogEnd {
  const result = recoverStored(stored, source, report);
  const { journal, blocks, fastCommits, head, nextSequence: sequence } = result;
  // Going on without them would lose what an fsync had promised to keep.
  if (fastCommits.refused !== null) throw fastCommits.refused;
  if (fastCommits.records.length > 0 && stored.superblock.features.hasRoCompat('QUOTA')) {
    throw new UnsupportedError('the journal holds fast commits, which say nothing of the usage that quota accounts for: run e2fsck, or mount read-only');
  }
  const before = readSuperblock(stored.device);
  writeHome(stored.device, source, blocks);
  const after = readSuperblock(stored.device);
  if (keepErrors(before, after)) writeSuperblock(stored, after);
  if (fastCommits.records.length === 0) return { head, sequence, error: journal.errno };
  commitInFull(stored.device, storage, result, runs, options);
  return { head, sequence: nextSequence(sequence), error: journal.errno };
}

function readSuperblock(device: BlockDevice): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  device.read(bytes, 0, SUPERBLOCK_SIZE, SUPERBLOCK_OFFSET);
  return bytes;
}

function writeSuperblock({ device, superblock }: StoredFilesystem, bytes: Uint8Array): void {
  if (superblock.features.hasRoCompat('METADATA_CSUM')) setSuperblockChecksum(bytes, new DataView(bytes.buffer), 0);
  device.write(bytes, 0, SUPERBLOCK_SIZE, SUPERBLOCK_OFFSET);
  device.flush();
}

/**
 * The superblock says that the filesystem is consistent: what the journal holds does not count, but
 * new transactions must not be taken for its continuation.
 */
function endOfUnused({ superblock: { blockSize, blocksCount, inodeSize } }: StoredFilesystem, source: JournalSource): LogEnd {
  try {
    const { journal, head, nextSequence: sequence } = recoverJournal(source, { blockSize, blockCount: blocksCount, inodeSize });
    return { head, sequence, error: journal.errno };
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    const journal = readJournalSuperblock(source);
    // Past every transaction that can be in the log.
    const sequence = nextSequence(journal.sequence + journal.end);
    return { head: journal.first, sequence, error: journal.errno };
  }
}

/** As the kernel chooses it, so that it would go on with the same format. */
function formatFor({ features }: Superblock, checksum: boolean): JournalFormat {
  const metadataChecksums = features.hasRoCompat('METADATA_CSUM');
  return {
    checksum: metadataChecksums ? 'v3' : checksum ? 'v1' : 'none',
    wide: features.hasIncompat('64BIT'),
  };
}
