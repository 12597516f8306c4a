import type { BlockDevice } from '../../../device/block-device.js';
import { CachedBlock } from '../../cache/block-cache.js';
import { CorruptionError, FilesystemError, UnsupportedError } from '../../errors.js';
import type { JournalRun } from '../../journal/internal-source.js';
import type { JournalStorage } from '../../journal/journal-storage.js';
import { Log } from '../../journal/log.js';
import type { RecoveryResult } from '../../journal/recovery.js';
import { readJournalSuperblock } from '../../journal/superblock.js';
import { JournalSuperblockWriter } from '../../journal/superblock-writer.js';
import { physicalBlock } from '../../units.js';
import type { CommittedFilesystem } from './committed-filesystem.js';
import { EditedDevice } from './edited-device.js';
import { replayFastCommits } from './replay.js';

const BLOCKS_OF_32_BITS = 0x1_0000_0000;

export interface FastCommitOptions {
  readonly superblockLocation: number;
  readonly open: (device: BlockDevice) => CommittedFilesystem;
}

/**
 * Makes the full commit that the fast commits stood in for, and with that voids them: they extend the
 * transaction of a certain number, and the transaction written here has that number. So it is all or
 * nothing, and whoever recovers after a crash on the way, this program, the kernel or e2fsck, replays
 * either the one or the others.
 *
 * Everything that was committed in full before must be at home.
 * @throws UnsupportedError where they cannot be replayed here; the filesystem is as it was then
 */
export function commitInFull(device: BlockDevice, storage: JournalStorage, recovered: RecoveryResult, runs: readonly JournalRun[], options: FastCommitOptions): void {
  const { journal, head, endSequence } = recovered;
  const replayed = replay(device, storage, recovered, runs, options);
  const writer = new JournalSuperblockWriter(storage);
  writer.setTail(head, endSequence);
  writer.write();
  // Before the log is written over what the old tail begins with.
  storage.flush();
  const superblock = readJournalSuperblock(storage);
  const log = new Log({ storage, superblock, writer, head, sequence: endSequence, runs, error: journal.errno }, device, { barriers: true });
  // Whoever mounts the filesystem takes note of the error; until then the journal has to remember it.
  writer.setError(journal.errno);
  log.commit({ id: endSequence, blocks: replayed, revoked: new Set() });
  log.collect(true);
  log.close();
}

/** @returns the blocks that differ from what is at home */
function replay(device: BlockDevice, { blockSize }: JournalStorage, { journal, fastCommits }: RecoveryResult, runs: readonly JournalRun[], { open, superblockLocation }: FastCommitOptions): CachedBlock[] {
  const edited = new EditedDevice(device, blockSize);
  try {
    const committed = open(edited);
    if (committed.superblock.blockSize !== blockSize) {
      throw new CorruptionError('superblock', {}, `the journal changes the block size to ${committed.superblock.blockSize}`);
    }
    if (!journal.wide && committed.superblock.blocksCount > BLOCKS_OF_32_BITS) throw new UnsupportedError('the journal cannot name every block');
    if (committed.superblock.features.hasRoCompat('QUOTA')) throw new UnsupportedError('they say nothing of the quota files');
    replayFastCommits(committed, edited, fastCommits.records, { journal: runs, superblockLocation });
  } catch (error) {
    if (!(error instanceof FilesystemError) || error.code === 'IO') throw error;
    throw new UnsupportedError(`the journal holds fast commits that can only be replayed for reading (${error.message}): run e2fsck, or mount read-only`);
  }
  return Array.from(edited.replaced, ([number, content]) => {
    const block = new CachedBlock(content, new DataView(content.buffer, content.byteOffset, content.byteLength));
    block.number = physicalBlock(number);
    return block;
  });
}
