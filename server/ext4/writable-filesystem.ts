import { hostname } from 'node:os';
import type { BlockDevice } from '../device/block-device.js';
import { BlockAllocator, NoSpaceError } from './allocation/block-allocator.js';
import { BlockBitmaps } from './allocation/block-bitmaps.js';
import { Discards } from './allocation/discards.js';
import { FreeSpace, type TrimRange } from './allocation/free-space.js';
import { GroupCounters } from './allocation/group-counters.js';
import { InodeAllocator } from './allocation/inode-allocator.js';
import { InodeBitmaps } from './allocation/inode-bitmaps.js';
import { Clock, type TimeSource } from './clock.js';
import type { Directory } from './directory/directory.js';
import { DirectoryEditing } from './directory/editor.js';
import { errno, InUseError, OperationError, UnsupportedError } from './errors.js';
import { ExternalData, type DataElsewhere } from './external-data.js';
import { FileWriter } from './file-writer.js';
import { FileChanges } from './file-changes.js';
import { Filesystem, type OpenOptions } from './filesystem.js';
import { InlineDataEditor } from './inline-data-editor.js';
import { InlineFiles } from './inline-files.js';
import { JournalledData, type DataMode } from './journalled-data.js';
import { InodeEditor } from './inode-editor.js';
import type { Inode } from './inode.js';
import { Log } from './journal/log.js';
import { openJournalForWriting, type WritableJournal } from './journal/log-open.js';
import { NoLog } from './journal/no-log.js';
import { sealWith } from './journal/seal.js';
import { Transactions } from './journal/transactions.js';
import * as directoryLayout from './layout/directory-entry.js';
import { FileType, InodeFlags } from './layout/inode.js';
import { SUPERBLOCK_OFFSET, type Superblock } from './layout/superblock.js';
import { NameIndex } from './layout/xattr.js';
import { BlockMapEditor } from './mapping/block-map-editor.js';
import { ExtentEditor } from './mapping/extent-editor.js';
import { MappingMigration } from './mapping/migration.js';
import { FileSpace } from './mapping/file-space.js';
import { MultiMountProtection } from './multi-mount-protection.js';
import { InodeCreator } from './namespace/inode-creator.js';
import { Namespace } from './namespace/namespace.js';
import { emptyOrphanFile } from './namespace/orphan-file.js';
import { Orphans } from './namespace/orphans.js';
import { Reaper } from './namespace/reaper.js';
import { UNCHARGED } from './quota/charges.js';
import { Quotas, type EnforcedQuotas } from './quota/quotas.js';
import { sealers } from './sealers.js';
import { SuperblockBackups } from './superblock-backups.js';
import { SuperblockEditor } from './superblock-editor.js';
import { physicalBlock } from './units.js';
import { AclEditor } from './xattr/acl-editor.js';
import { AttributeBlocks } from './xattr/attribute-blocks.js';
import { AttributeEditor } from './xattr/attribute-editor.js';
import type { EntryName } from './xattr/entry-editor.js';
import { ValueInodeFiles } from './xattr/value-inode-files.js';

export interface WritableOptions extends OpenOptions {
  /** Flush the device around commits. Without, a power cut may cost the filesystem. */
  readonly barriers: boolean;
  /** Where it is mounted, for s_last_mounted. */
  readonly mountPoint: string;
  /** Tell the device what was freed, after it was committed. */
  readonly discard: boolean;
  /** How file data relates to the journal; as the superblock says unless given. */
  readonly data?: DataMode;
  /** Whether new inodes inherit access control lists; default true. */
  readonly acl?: boolean;
  /** Acquired before; by default that is done on opening a filesystem with the feature mmp. */
  readonly protection?: MultiMountProtection;
  /** What the inodes' times are taken from. */
  readonly time?: TimeSource;
  /** Whose quota limits are enforced; usage is accounted in any case. Default none. */
  readonly enforcedQuotas?: EnforcedQuotas;
}

/** What a program may do beyond its user's rights: setcap(8). */
const FILE_CAPABILITIES: EntryName = { index: NameIndex.SECURITY, bytes: new TextEncoder().encode('capability'), offset: 0, length: 10 };

/** EntryType by the file type bits of a mode. */
const ENTRY_TYPES: Readonly<Record<number, number>> = {
  [FileType.REGULAR]: directoryLayout.EntryType.REGULAR,
  [FileType.DIRECTORY]: directoryLayout.EntryType.DIRECTORY,
  [FileType.CHARACTER]: directoryLayout.EntryType.CHARACTER,
  [FileType.BLOCK]: directoryLayout.EntryType.BLOCK,
  [FileType.FIFO]: directoryLayout.EntryType.FIFO,
  [FileType.SOCKET]: directoryLayout.EntryType.SOCKET,
  [FileType.SYMLINK]: directoryLayout.EntryType.SYMLINK,
};

/**
 * A filesystem mounted for writing: everything that changes it, put together over what reads it.
 * Operations run in `change`; nothing is durable before `commit`.
 */
export class WritableFilesystem {
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
  isShutDown = false;
  /** Whether new inodes get access control lists from their directory; otherwise whoever makes them sees to it. */
  inheritsAcls: boolean;
  /** Told of blocks that were freed, as they can be used again. */
  freed: ((position: number, length: number) => void) | undefined;
  readonly #sink: Log | NoLog;
  readonly #backups: SuperblockBackups;

  /**
   * Recovers the journal for good, finishes what a crash interrupted, and marks the filesystem as
   * mounted.
   * @throws FilesystemError where it cannot be opened, or only for reading
   */
  static open(device: BlockDevice, options: WritableOptions): WritableFilesystem {
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
        : new Log(journal, device, { barriers: options.barriers, ordered: (options.data ?? defaultDataMode(filesystem.superblock)) !== 'writeback' });
      return new WritableFilesystem(filesystem, sink, journal, protection, options);
    } catch (error) {
      protection?.release();
      throw error;
    }
  }

  private constructor(filesystem: Filesystem, sink: Log | NoLog, journal: WritableJournal | undefined, protection: MultiMountProtection | undefined, options: WritableOptions) {
    const { superblock, geometry, groups, cache, device, report } = filesystem;
    this.filesystem = filesystem;
    this.inheritsAcls = options.acl !== false;
    this.clock = new Clock(options.time);
    this.#sink = sink;
    this.protection = protection;
    const transactions = new Transactions(cache, sink, 1, sealWith(sealers(superblock, superblockLocation(options), new AttributeBlocks(filesystem).seal)));
    this.transactions = transactions;
    this.counters = new GroupCounters(superblock, geometry, groups, cache, transactions, (zones) => {
      for (const { physical, length } of journal?.runs ?? []) zones.add(physical, length);
      if (protection !== undefined) zones.add(physicalBlock(superblock.mmpBlock), 1);
    });
    this.superblock = new SuperblockEditor(superblock, cache, device, transactions, this.counters, { location: superblockLocation(options), bytesWritten: () => device.bytesWritten ?? 0 });
    this.#backups = new SuperblockBackups(superblock, geometry, cache, transactions, superblockLocation(options), report);
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
      entryType: (mode) => (superblock.features.hasIncompat('FILETYPE') ? (ENTRY_TYPES[mode & FileType.MASK] ?? 0) : 0),
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
      hasBlocks,
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
      space: this.space,
      transactions,
      orphans: this.orphans,
      blockSize: superblock.blockSize,
      nodeReserve: Math.min(Math.floor(superblock.blocksCount / geometry.clusterRatio / NODE_RESERVE.divisor), NODE_RESERVE.mostClusters),
    });
    this.superblock.mounted(journal?.error ?? 0);
    this.change(() => {
      this.superblock.setLastMounted(options.mountPoint);
    });
    emptyOrphanFile({ ...filesystem, superblock, cache, inodes: filesystem.inodes, mapping: filesystem.mapping, transactions, orphans: this.orphans });
    this.reaper.recover();
  }

  /**
   * Runs one operation in a handle of its own. What it throws leaves no trace; where only
   * uncommitted frees are in the way of space, it is run again after a commit.
   * @param limited whether whoever asks has to keep within quota limits, as all do but root
   */
  change<Result>(operation: () => Result, limited = false): Result {
    this.clock.tick();
    if (this.quotas !== undefined) this.quotas.isLimited = limited;
    try {
      return this.#attempt(operation);
    } catch (error) {
      if (!(error instanceof NoSpaceError && error.afterCommit)) throw error;
      this.commit();
      return this.#attempt(operation);
    }
  }

  /** From now on somebody else moves the data of files that he has. */
  leaveDataTo(elsewhere: DataElsewhere): void {
    this.writer.elsewhere = elsewhere;
    this.externalData.elsewhere = elsewhere;
  }

  /** Nothing waits anywhere to be written when this returns: the device can be copied. */
  settle(): void {
    this.transactions.checkpoint();
    this.filesystem.device.flush();
  }

  /** Makes everything done so far durable, file data included. */
  commit(): void {
    if (this.transactions.isEmpty) {
      if (this.writer.unflushed) this.filesystem.device.flush();
    } else {
      this.transactions.commit();
      if (this.writer.unflushed && !this.#sink.flushesData) this.filesystem.device.flush();
    }
    this.writer.unflushed = false;
  }

  /**
   * Tells the device what is free. Between operations: every Inode and block becomes invalid.
   * @returns bytes
   */
  trimFreeSpace(range: TrimRange): number {
    this.transactions.checkpoint();
    this.filesystem.device.flush();
    return this.freeSpace.trim(range);
  }

  /** Makes what was done to one inode durable. */
  sync(_inode: Inode): void {
    this.commit();
  }

  /**
   * What was done so far becomes durable, and nothing can be done from now on (EXT4_IOC_SHUTDOWN). No
   * error is noted: the next mount recovers what was committed.
   */
  shutDown(): void {
    if (this.isShutDown) return;
    if (this.transactions.aborted === undefined) this.commit();
    this.isShutDown = true;
    this.transactions.shutDown(new OperationError(errno.EIO, 'the filesystem was shut down'), false);
  }

  setOwner(inode: Inode, uid: number, gid: number): void {
    this.quotas?.transfer(inode, { uid, gid });
    this.inodes.setOwner(inode, uid, gid);
  }

  setProject(inode: Inode, project: number): void {
    this.quotas?.transfer(inode, { project });
    this.inodes.setProjectId(inode, project);
  }

  /**
   * Shows other machines that the filesystem is in use.
   * @throws InUseError where one of them has mounted it all the same: nothing is written from then on
   */
  beat(): void {
    try {
      this.protection?.beat();
    } catch (error) {
      if (error instanceof InUseError) this.transactions.shutDown(error, false);
      throw error;
    }
  }

  /** The volume's name, in all copies of the superblock. In a handle. @throws OperationError EINVAL where it is too long */
  setLabel(label: Uint8Array): void {
    this.superblock.setLabel(label);
    this.#backups.setLabel(label);
  }

  /** The permissions of an inode were set: an access ACL follows. */
  modeChanged(inode: Inode): void {
    this.acls.followMode(inode, true);
  }

  /** The contents or the owner changed: file capabilities do not survive it. */
  dropCapabilities(inode: Inode): void {
    this.attributes.remove(inode, FILE_CAPABILITIES, true);
  }

  /**
   * Files that were open without a name are gone, everything goes home, and the filesystem is marked
   * as clean. After an abort of the journal nothing more is written: the next mount recovers what was
   * committed.
   */
  close(): void {
    try {
      if (this.transactions.aborted === undefined) this.#unmount();
      else this.superblock.writeErrors();
      this.protection?.release();
    } finally {
      this.filesystem.close();
    }
  }

  #unmount(): void {
    this.reaper.recover();
    this.space.releaseWindows();
    this.transactions.checkpoint();
    this.#sink.close();
    this.superblock.unmounted();
  }

  #attempt<Result>(operation: () => Result): Result {
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

/** As much as the kernel's ext4 keeps for the same purpose (ext4_set_resv_clusters()). */
const NODE_RESERVE = { divisor: 50, mostClusters: 4096 } as const;

/** Of s_default_mount_opts, which `tune2fs -o` sets. */
const DATA_MODE = 0x60;
const DATA_MODES: Readonly<Partial<Record<number, DataMode>>> = { 0x20: 'journal', 0x40: 'ordered', 0x60: 'writeback' };
export const defaultDataMode = ({ defaultMountOptions }: Superblock): DataMode => DATA_MODES[defaultMountOptions & DATA_MODE] ?? 'ordered';

const superblockLocation = ({ superblockLocation: unit = 1 }: OpenOptions): number => unit * SUPERBLOCK_OFFSET;

/** Devices, pipes, sockets and short symbolic links keep all they are in the inode, as does inline data. */
function hasBlocks(inode: Inode): boolean {
  if ((inode.flags & InodeFlags.INLINE_DATA) !== 0) return false;
  return inode.isRegular || inode.isDirectory || (inode.isSymlink && inode.size >= 60);
}
