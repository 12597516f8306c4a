import { BlockAllocator } from './allocation/block-allocator.js';
import { BlockBitmaps } from './allocation/block-bitmaps.js';
import { Discards } from './allocation/discards.js';
import { FreeSpace } from './allocation/free-space.js';
import { GroupCounters } from './allocation/group-counters.js';
import { InodeAllocator } from './allocation/inode-allocator.js';
import { InodeBitmaps } from './allocation/inode-bitmaps.js';
import { Clock } from './clock.js';
import type { Directory } from './directory/directory.js';
import { DirectoryEditing } from './directory/editor.js';
import { ExternalData } from './external-data.js';
import { FileChanges } from './file-changes.js';
import { FileWriter } from './file-writer.js';
import type { Filesystem } from './filesystem.js';
import { InlineDataEditor } from './inline-data-editor.js';
import { InlineFiles } from './inline-files.js';
import { InodeEditor } from './inode-editor.js';
import type { Log } from './journal/log.js';
import type { NoLog } from './journal/no-log.js';
import { sealWith } from './journal/seal.js';
import { Transactions } from './journal/transactions.js';
import { JournalledData } from './journalled-data.js';
import { EntryType, entryTypeOf } from './layout/directory-entry.js';
import { BlockMapEditor } from './mapping/block-map-editor.js';
import { ExtentEditor } from './mapping/extent-editor.js';
import { FileSpace } from './mapping/file-space.js';
import { MappingMigration } from './mapping/migration.js';
import type { MultiMountProtection } from './multi-mount-protection.js';
import { InodeCreator } from './namespace/inode-creator.js';
import { Namespace } from './namespace/namespace.js';
import { Orphans } from './namespace/orphans.js';
import { Reaper } from './namespace/reaper.js';
import type { OpenedForWriting } from './open-for-writing.js';
import { UNCHARGED } from './quota/charges.js';
import { Quotas } from './quota/quotas.js';
import { sealers } from './sealers.js';
import { SuperblockBackups } from './superblock-backups.js';
import { SuperblockEditor } from './superblock-editor.js';
import { physicalBlock } from './units.js';
import { defaultDataMode, superblockLocation, type WritableOptions } from './writable-options.js';
import { AclEditor } from './xattr/acl-editor.js';
import { AttributeBlocks } from './xattr/attribute-blocks.js';
import { AttributeEditor } from './xattr/attribute-editor.js';
import { ValueInodeFiles } from './xattr/value-inode-files.js';

/**
 * All that changes a filesystem, put together over what reads it. Most parts need others, and a few each
 * other: this is the one place that knows who is handed whom.
 */
export class WritableParts {
  readonly filesystem: Filesystem;
  readonly transactions: Transactions;
  readonly counters: GroupCounters;
  readonly superblock: SuperblockEditor;
  readonly inodes: InodeEditor;
  readonly directory: Directory;
  readonly space: BlockAllocator;
  readonly freeSpace: FreeSpace;
  readonly files: FileSpace;
  readonly migration: MappingMigration;
  readonly writer: FileWriter;
  readonly namespace: Namespace;
  readonly orphans: Orphans;
  readonly reaper: Reaper;
  readonly clock: Clock;
  readonly contents: FileChanges;
  readonly externalData: ExternalData;
  readonly attributes: AttributeEditor;
  readonly acls: AclEditor;
  /** On filesystems with the feature quota. */
  readonly quotas: Quotas | undefined;
  /** On filesystems with the feature mmp: whoever opened it has to `beat` regularly. */
  readonly protection: MultiMountProtection | undefined;
  /** Whether new inodes get access control lists from their directory; otherwise whoever makes them sees to it. */
  inheritsAcls: boolean;
  /** Told of blocks that were freed, as they can be used again. */
  freed: ((position: number, length: number) => void) | undefined;
  protected readonly sink: Log | NoLog;
  protected readonly backups: SuperblockBackups;

  protected constructor({ filesystem, sink, journal, protection }: OpenedForWriting, options: WritableOptions) {
    const { superblock, geometry, groups, cache, device, report } = filesystem;
    this.filesystem = filesystem;
    this.inheritsAcls = options.acl !== false;
    this.clock = new Clock(options.time);
    this.sink = sink;
    this.protection = protection;
    const transactions = new Transactions(cache, sink, 1, sealWith(sealers(superblock, superblockLocation(options), new AttributeBlocks(filesystem).seal)));
    this.transactions = transactions;
    this.counters = new GroupCounters(superblock, geometry, groups, cache, transactions, (zones) => {
      for (const { physical, length } of journal?.runs ?? []) zones.add(physical, length);
      if (protection !== undefined) zones.add(physicalBlock(superblock.mmpBlock), 1);
    });
    this.superblock = new SuperblockEditor(superblock, cache, device, transactions, this.counters, { location: superblockLocation(options), bytesWritten: () => device.bytesWritten ?? 0 });
    this.backups = new SuperblockBackups(superblock, geometry, cache, transactions, superblockLocation(options), report);
    const blockBitmaps = new BlockBitmaps(superblock, geometry, groups, cache, transactions, this.counters);
    const inodeBitmaps = new InodeBitmaps(superblock, groups, cache, transactions, this.counters);
    const reserved = Math.ceil(superblock.reservedBlocksCount / geometry.clusterRatio);
    const discards = options.discard ? new Discards(device, superblock.blockSize, report) : undefined;
    this.space = new BlockAllocator(geometry, transactions, blockBitmaps, this.counters, reserved, report, (start, length) => {
      this.freed?.(start * superblock.blockSize, length * superblock.blockSize);
      discards?.add(start, length);
    });
    // Behind the allocator, which says what was freed as a transaction is committed.
    if (discards !== undefined) transactions.listen(discards);
    this.freeSpace = new FreeSpace(device, geometry, blockBitmaps, superblock.clustersPerGroup, report, () => filesystem.trim());
    this.quotas = superblock.features.hasRoCompat('QUOTA')
      ? new Quotas({
          superblock,
          geometry,
          cache,
          inodes: filesystem.inodes,
          transactions,
          space: this.space,
          clock: this.clock,
          enforced: options.enforcedQuotas ?? {},
          valueInodes: (inode) => this.attributes.valueInodeCount(inode),
        })
      : undefined;
    const charges = this.quotas ?? UNCHARGED;
    this.inodes = new InodeEditor(superblock, transactions, charges);
    const inodeAllocator = new InodeAllocator(superblock, geometry, transactions, inodeBitmaps, this.counters, report);
    const inlineData = new InlineDataEditor(superblock, this.inodes);
    const extents = new ExtentEditor(filesystem.mapping.extents, cache, transactions, this.inodes, this.space, geometry.clusterRatio);
    const blockMap = new BlockMapEditor(cache, transactions, this.inodes, this.space);
    this.migration = new MappingMigration({ cache, geometry, mapping: filesystem.mapping, inodes: this.inodes, extents, space: this.space });
    this.files = new FileSpace(geometry, filesystem.mapping, extents, blockMap, this.inodes, this.space, transactions);
    const journalled = new JournalledData(cache, transactions, options.data ?? defaultDataMode(superblock), journal !== undefined);
    this.writer = new FileWriter(device, filesystem.mapping, this.files, this.inodes, this.space, transactions, journalled, superblock.blockSize);
    this.directory = filesystem.directories;
    const directories = new DirectoryEditing({
      superblock,
      directory: this.directory,
      internals: this.directory.internals,
      transactions,
      files: this.files,
      inodes: this.inodes,
      inlineData,
    });
    this.orphans = new Orphans(this.superblock, filesystem.inodes, this.inodes, transactions, superblock.inodesCount);
    filesystem.isOrphan = (number) => this.orphans.has(number);
    const creator = new InodeCreator({
      superblock,
      geometry,
      groups,
      cache,
      inodes: filesystem.inodes,
      transactions,
      editor: this.inodes,
      allocator: inodeAllocator,
      clock: this.clock,
      charges,
      inheritAcl: (inode, directory) => (this.inheritsAcls ? this.acls.inherit(inode, directory, true) : 0),
    });
    this.attributes = new AttributeEditor({
      superblock,
      geometry,
      cache,
      inodes: filesystem.inodes,
      mapping: filesystem.mapping,
      transactions,
      editor: this.inodes,
      space: this.space,
      charges,
      valueInodes: new ValueInodeFiles({ creator, allocator: inodeAllocator, editor: this.inodes, files: this.files, clock: this.clock }),
      enableFeature: () => {
        this.superblock.setFeature('compat', 'EXT_ATTR');
      },
    });
    this.acls = new AclEditor(filesystem.attributes, this.attributes, this.inodes);
    this.namespace = new Namespace({
      inode: (number) => filesystem.inode(number),
      directories,
      creator,
      editor: this.inodes,
      orphans: this.orphans,
      clock: this.clock,
      unlimitedSubdirectories: superblock.features.hasRoCompat('DIR_NLINK'),
      entryType: (mode) => (superblock.features.hasIncompat('FILETYPE') ? entryTypeOf(mode) : EntryType.UNKNOWN),
    });
    this.reaper = new Reaper({
      inodes: filesystem.inodes,
      transactions,
      editor: this.inodes,
      allocator: inodeAllocator,
      writer: this.writer,
      orphans: this.orphans,
      clock: this.clock,
      charges,
      releaseAttributes: (inode) => {
        this.attributes.removeAll(inode);
      },
      report: (problem) => {
        report(problem);
        this.superblock.recordError(problem);
      },
    });
    this.contents = new FileChanges({
      filesystem,
      transactions,
      inodes: this.inodes,
      files: this.files,
      writer: this.writer,
      reaper: this.reaper,
      inline: new InlineFiles({ superblock, inline: filesystem.inline, editor: inlineData, inodes: this.inodes, writer: this.writer }),
    });
    this.externalData = new ExternalData({
      device,
      mapping: filesystem.mapping,
      files: this.files,
      inodes: this.inodes,
      transactions,
      orphans: this.orphans,
      blockSize: superblock.blockSize,
    });
  }
}
