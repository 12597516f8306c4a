import { hostname } from 'node:os';
import type { BlockDevice } from '../device/block-device.js';
import { UnsupportedError } from './errors.js';
import { Filesystem } from './filesystem.js';
import { Log } from './journal/log.js';
import { NoLog } from './journal/no-log.js';
import type { WritableJournal } from './journal/writable-journal.js';
import { MultiMountProtection } from './multi-mount-protection.js';
import { openJournalForWriting } from './recovery/log-open.js';
import { defaultDataMode, superblockLocation, type WritableOptions } from './writable-options.js';

/** A filesystem with its journal recovered for good, before anything of it is changed. */
export interface OpenedForWriting {
  readonly filesystem: Filesystem;
  readonly sink: Log | NoLog;
  /** On filesystems with the feature has_journal. */
  readonly journal: WritableJournal | undefined;
  /** On filesystems with the feature mmp. */
  readonly protection: MultiMountProtection | undefined;
}

/** @throws FilesystemError where it cannot be opened, or only for reading */
export function openForWriting(device: BlockDevice, options: WritableOptions): OpenedForWriting {
  const { report = () => undefined } = options;
  const open = (opened: BlockDevice): Filesystem => Filesystem.open(opened, { ...options, noJournalRecovery: true });
  const stored = open(device);
  const { unwritable } = stored.superblock.features;
  if (unwritable.length > 0) throw new UnsupportedError(`the filesystem has features that allow only reading: ${unwritable.join(', ')}`);
  const protection = stored.superblock.features.hasIncompat('MMP')
    ? (options.protection ?? MultiMountProtection.acquire(device, stored.superblock, { holder: { nodeName: hostname(), deviceName: '' } }))
    : undefined;
  try {
    const journal = stored.superblock.features.hasCompat('HAS_JOURNAL')
      ? openJournalForWriting(stored, options.journalDevice, { superblockLocation: superblockLocation(options), open }, report)
      : undefined;
    const filesystem = open(device);
    const sink = journal === undefined
      ? new NoLog(device, filesystem.superblock.blockSize, options.barriers)
      : new Log(journal, device, {
          barriers: options.barriers,
          ordered: (options.data ?? defaultDataMode(filesystem.superblock)) !== 'writeback',
          ...(options.jobs !== undefined && { jobs: options.jobs }),
        });
    return { filesystem, sink, journal, protection };
  } catch (error) {
    protection?.release();
    throw error;
  }
}
