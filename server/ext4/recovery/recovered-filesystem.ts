import type { BlockDevice } from '../../device/block-device.js';
import type { InodeCache } from '../cache/inode-cache.js';
import { CorruptionError, errno, FilesystemError, OperationError, UnsupportedError } from '../errors.js';
import { ExternalJournal } from '../journal/external-source.js';
import { InternalJournal, type JournalRun } from '../journal/internal-source.js';
import { RecoveredDevice } from '../journal/recovered-device.js';
import { recoverJournal, type RecoveryResult } from '../journal/recovery.js';
import type { JournalSource, PlacedJournal } from '../journal/source.js';
import { uuidString } from '../layout/read.js';
import type { Superblock } from '../layout/superblock.js';
import type { FileMapping } from '../mapping/file-mapping.js';
import { MappedRange, RangeState } from '../mapping/mapping.js';
import { inodeNumber, logicalBlock } from '../units.js';
import type { CommittedFilesystem } from './fast-commit/committed-filesystem.js';
import { EditedDevice } from './fast-commit/edited-device.js';
import { replayFastCommits } from './fast-commit/replay.js';

/** A filesystem as it lies on its device, journal not yet replayed: enough of it to find the journal. */
export interface StoredFilesystem {
  readonly device: BlockDevice;
  readonly superblock: Superblock;
  readonly inodes: InodeCache;
  readonly mapping: FileMapping;
}

/** No tool makes a journal in more than a few pieces; a list of runs is kept as long as the mount. */
const MAX_RUNS = 1 << 20;

/**
 * Whether the device does not hold the filesystem's last consistent state, but its journal does. A
 * journal with contents counts for nothing where the superblock does not ask for recovery.
 */
export const needsRecovery = ({ features }: Superblock): boolean =>
  features.hasCompat('HAS_JOURNAL') && features.hasIncompat('RECOVER');

/**
 * The filesystem with its journal replayed in memory, read anew from the result: what was parsed
 * before, the superblock included, is out of date then.
 * @param open reads the filesystem from a device
 * @param report told of what was wrong but survived
 * @throws FilesystemError where the journal cannot be recovered, or only to a state before damage, as the kernel refuses it
 */
export function recoveredFilesystem<Opened extends CommittedFilesystem>(
  stored: StoredFilesystem,
  journalDevice: BlockDevice | undefined,
  open: (device: BlockDevice) => Opened,
  report: (problem: FilesystemError) => void,
): Opened {
  const source = openJournal(stored, journalDevice);
  const { blocks, fastCommits } = recoverStored(stored, source, report);
  const device = new RecoveredDevice(stored.device, source, blocks);
  if (fastCommits.records.length === 0) return open(device);
  try {
    const edited = new EditedDevice(device, source.blockSize);
    const committed = open(edited);
    if (committed.superblock.blockSize !== source.blockSize) {
      throw new CorruptionError('superblock', {}, `the journal changes the block size to ${committed.superblock.blockSize}`);
    }
    replayFastCommits(committed, edited, fastCommits.records);
    return open(edited);
  } catch (error) {
    if (!(error instanceof FilesystemError)) throw error;
    report(new CorruptionError('fast commit block', {}, `recovered only up to the last full commit: ${error.message}`));
    return open(device);
  }
}

/** What the journal says, where the filesystem may be used with it; throws as `recoveredFilesystem` does. */
export function recoverStored(
  { superblock: { blockSize, blocksCount, inodeSize } }: StoredFilesystem,
  source: JournalSource,
  report: (problem: FilesystemError) => void,
): RecoveryResult {
  const result = recoverJournal(source, { blockSize, blockCount: blocksCount, inodeSize });
  const { journal, damage, warnings } = result;
  if (source instanceof ExternalJournal && journal.users !== 1) {
    throw new UnsupportedError(`the journal device serves ${journal.users} filesystems, only one is supported`);
  }
  if (damage !== null) throw damage;
  warnings.forEach(report);
  return result;
}

/** @throws FilesystemError where there is no journal to be had */
export function openJournal(stored: StoredFilesystem, journalDevice: BlockDevice | undefined): PlacedJournal {
  const { journalInode, journalUuid, blockSize } = stored.superblock;
  if (journalInode !== 0) return internalJournal(stored);
  if (journalDevice !== undefined) return new ExternalJournal(journalDevice, blockSize, journalUuid);
  throw new OperationError(
    errno.EINVAL,
    `the journal is on another device, with UUID ${uuidString(journalUuid)}, which was not given`,
  );
}

function internalJournal({ device, superblock, inodes, mapping }: StoredFilesystem): InternalJournal {
  const { blockSize, blocksCount, journalInode } = superblock;
  const number = inodeNumber(journalInode);
  const inode = inodes.get(number);
  if (!inode.isRegular || inode.links === 0) {
    throw new CorruptionError('inode', { inode: number }, 'the journal inode is not a file in use');
  }
  if (inode.hasFlag('ENCRYPT')) throw new UnsupportedError('the journal inode is encrypted');

  const blockCount = Math.floor(inode.size / blockSize);
  if (blockCount > blocksCount) {
    throw new CorruptionError('inode', { inode: number }, `a journal of ${blockCount} blocks does not fit into ${blocksCount}`);
  }
  const runs: JournalRun[] = [];
  const range = new MappedRange();
  for (let block = 0; block < blockCount; block += range.length) {
    mapping.map(inode, logicalBlock(block), range);
    // Preallocated blocks serve as well: the kernel, too, only asks where a block is.
    if (range.state === RangeState.Hole) continue;
    if (runs.length === MAX_RUNS) throw new CorruptionError('inode', { inode: number }, `the journal is in more than ${MAX_RUNS} pieces`);
    runs.push({ logical: block, length: range.length, physical: range.physical });
  }
  return new InternalJournal(device, blockSize, blockCount, number, runs);
}
