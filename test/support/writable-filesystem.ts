import type { BlockDevice } from '../../server/device/block-device.js';
import type { JobRunner } from '../../server/device/device-job.js';
import { BlockAllocator } from '../../server/ext4/allocation/block-allocator.js';
import { BlockBitmaps } from '../../server/ext4/allocation/block-bitmaps.js';
import { GroupCounters } from '../../server/ext4/allocation/group-counters.js';
import { InodeAllocator } from '../../server/ext4/allocation/inode-allocator.js';
import { InodeBitmaps } from '../../server/ext4/allocation/inode-bitmaps.js';
import { Verified } from '../../server/ext4/cache/block-cache.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { InodeEditor } from '../../server/ext4/inode-editor.js';
import { Log } from '../../server/ext4/journal/log.js';
import { NoLog } from '../../server/ext4/journal/no-log.js';
import { sealWith } from '../../server/ext4/journal/seal.js';
import { Transactions } from '../../server/ext4/journal/transactions.js';
import * as extentLayout from '../../server/ext4/layout/extent.js';
import { ExtentEditor } from '../../server/ext4/mapping/extent-editor.js';
import { openJournalForWriting } from '../../server/ext4/recovery/log-open.js';
import { superblockSealer, SuperblockEditor } from '../../server/ext4/superblock-editor.js';
import { ExtentTree } from '../../server/ext4/mapping/extents.js';

export interface WritableOptions {
  readonly journalDevice?: BlockDevice;
  readonly journalChecksum?: boolean;
  readonly barriers?: boolean;
  /** Bytes of committed blocks that may wait for a checkpoint. */
  readonly memory?: number;
  /** Who writes commits and checkpoints. */
  readonly jobs?: JobRunner;
  /** Bytes of blocks that may stay in memory between operations. */
  readonly cacheBytes?: number;
  /** Clusters that only the privileged may have. */
  readonly reservedClusters?: number;
}

/** A filesystem with what writing needs, put together for tests of the journal and of what is just above it. */
export class WritableFilesystem {
  /** What was reported on the way. */
  readonly problems: string[] = [];
  readonly filesystem: Filesystem;
  readonly transactions: Transactions;
  readonly sink: Log | NoLog;
  readonly counters: GroupCounters;
  readonly inodes: InodeEditor;
  readonly superblock: SuperblockEditor;
  readonly blockAllocator: BlockAllocator;
  readonly inodeAllocator: InodeAllocator;
  readonly extentTree: ExtentTree;
  readonly extents: ExtentEditor;

  constructor(device: BlockDevice, { journalDevice, journalChecksum = false, barriers = true, memory, jobs, cacheBytes, reservedClusters = 0 }: WritableOptions = {}) {
    const report = (problem: Error): void => void this.problems.push(problem.message);
    const open = (opened = device): Filesystem => Filesystem.open(opened, { noJournalRecovery: true, report, ...(cacheBytes === undefined ? {} : { cacheBytes }) });
    const stored = open();
    const journal = stored.superblock.features.hasCompat('HAS_JOURNAL')
      ? openJournalForWriting(stored, journalDevice, { checksum: journalChecksum, superblockLocation: 1024, open }, report)
      : undefined;

    this.filesystem = open();
    const { superblock, geometry, groups, cache } = this.filesystem;
    this.sink =
      journal === undefined
        ? new NoLog(device, superblock.blockSize, barriers)
        : new Log(journal, device, { barriers, ...(memory === undefined ? {} : { memory }), ...(jobs && { jobs }) });
    const checksums = superblock.features.hasRoCompat('METADATA_CSUM');
    const seal = sealWith({
      [Verified.Superblock]: superblockSealer(superblock),
      [Verified.ExtentNode]: ({ bytes, view, checksumSeed }) => {
        if (checksums) extentLayout.setChecksum(view, extentLayout.computeChecksum(checksumSeed, bytes, view));
      },
    });
    this.transactions = new Transactions(cache, this.sink, 1, seal);
    this.counters = new GroupCounters(superblock, geometry, groups, cache, this.transactions, (zones) => {
      for (const { physical, length } of journal?.runs ?? []) zones.add(physical, length);
    });
    this.superblock = new SuperblockEditor(superblock, cache, device, this.transactions, this.counters);
    this.inodes = new InodeEditor(superblock, this.transactions);
    const blockBitmaps = new BlockBitmaps(superblock, geometry, groups, cache, this.transactions, this.counters);
    const inodeBitmaps = new InodeBitmaps(superblock, groups, cache, this.transactions, this.counters);
    const ignore = (): void => undefined;
    this.blockAllocator = new BlockAllocator(geometry, this.transactions, blockBitmaps, this.counters, reservedClusters, report, ignore);
    this.inodeAllocator = new InodeAllocator(superblock, geometry, this.transactions, inodeBitmaps, this.counters, report);
    this.extentTree = new ExtentTree(cache, geometry, checksums);
    this.extents = new ExtentEditor(this.extentTree, cache, this.transactions, this.inodes, this.blockAllocator, geometry.clusterRatio);
    this.superblock.mounted(journal?.error ?? 0);
  }

  unmount(): void {
    this.transactions.checkpoint();
    this.sink.close();
    this.superblock.unmounted();
  }

  /** Runs one operation in a handle. */
  change<Result>(operation: () => Result): Result {
    this.transactions.begin();
    try {
      const result = operation();
      this.transactions.end();
      return result;
    } catch (error) {
      this.transactions.abort();
      throw error;
    }
  }
}
