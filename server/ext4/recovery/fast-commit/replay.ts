import { Verified, type CachedBlock } from '../../cache/block-cache.js';
import { CorruptionError, FilesystemError, UnsupportedError } from '../../errors.js';
import type { Inode } from '../../inode.js';
import { InodeEditor } from '../../inode-editor.js';
import { sealWith } from '../../journal/seal.js';
import type { CommittingTransaction, TransactionSink } from '../../journal/transaction-sink.js';
import { Transactions } from '../../journal/transactions.js';
import { entryTypeOf } from '../../layout/directory-entry.js';
import * as extent from '../../layout/extent.js';
import type { FastCommitRecord } from '../../layout/fast-commit.js';
import { ExtentEditor } from '../../mapping/extent-editor.js';
import { LOGICAL_BLOCK_LIMIT } from '../../mapping/mapping.js';
import { superblockSealer } from '../../superblock-editor.js';
import { inodeNumber, logicalBlock, physicalBlock } from '../../units.js';
import { ReplayAccounts, type AccountedFilesystem } from './accounts.js';
import type { CommittedFilesystem } from './committed-filesystem.js';
import { ReplayedDirectories, sealDirectoryBlock } from './directory-editor.js';
import type { EditedDevice } from './edited-device.js';
import { ReplayedInodes } from './replayed-inode.js';
import { SpareBlocks } from './spare-blocks.js';

type EntryRecord = Extract<FastCommitRecord, { readonly parent: number }>;
type AddedRange = Extract<FastCommitRecord, { readonly kind: 'add range' }>;
type RemovedRange = Extract<FastCommitRecord, { readonly kind: 'remove range' }>;

const TRANSACTION_BLOCKS = 256;
/** A directory with more subdirectories than it can count shows a single link (dir_nlink). */
const MOST_LINKS = 65000;
const UNCOUNTED_LINKS = 1;

/**
 * Applies fast commits to a filesystem, in memory. They say what happened to files, not to blocks, so
 * they are carried out again. Names and files come out as they were; bitmaps, counters and the orphan
 * list, which only a writer needs, follow where `accounts` is given.
 *
 * @param device what `filesystem` is read from; afterwards it shows the result
 * @throws FilesystemError where a record cannot be carried out; then none should count
 */
export function replayFastCommits(filesystem: CommittedFilesystem, device: EditedDevice, records: readonly FastCommitRecord[], accounts?: AccountedFilesystem): void {
  new FastCommitReplay(filesystem, device, records, accounts).run();
}

class FastCommitReplay {
  readonly #filesystem: CommittedFilesystem;
  readonly #records: readonly FastCommitRecord[];
  readonly #transactions: Transactions;
  readonly #editor: InodeEditor;
  readonly #extents: ExtentEditor;
  readonly #directories: ReplayedDirectories;
  readonly #inodes: ReplayedInodes;
  /** Directories in which directories came or went. */
  readonly #recount = new Set<number>();
  /** Inodes that a record made what they are. */
  readonly #put = new Set<number>();
  readonly #accounts: ReplayAccounts | undefined;

  constructor(filesystem: CommittedFilesystem, device: EditedDevice, records: readonly FastCommitRecord[], accounts: AccountedFilesystem | undefined) {
    const { superblock, geometry, cache, groups, mapping } = filesystem;
    const checksums = superblock.features.hasRoCompat('METADATA_CSUM');
    const seal = sealWith({
      ...(checksums && { [Verified.ExtentNode]: sealExtentNode, [Verified.DirectoryLeaf]: sealDirectoryBlock }),
      ...(accounts && { [Verified.Superblock]: superblockSealer(superblock, accounts.superblockLocation) }),
    });
    const space = new SpareBlocks(superblock, geometry, groups, cache, records);
    this.#filesystem = filesystem;
    this.#records = records;
    this.#transactions = new Transactions(cache, intoMemory(device), 1, seal);
    this.#editor = new InodeEditor(superblock, this.#transactions);
    this.#extents = new ExtentEditor(mapping.extents, cache, this.#transactions, this.#editor, space, geometry.clusterRatio);
    this.#directories = new ReplayedDirectories(superblock, cache, mapping, this.#transactions, this.#editor, this.#extents, space);
    this.#inodes = new ReplayedInodes(superblock, geometry, groups, cache, this.#editor);
    this.#accounts = accounts && new ReplayAccounts(filesystem, this.#transactions, this.#editor, accounts, namedInodes(records));
  }

  run(): void {
    for (const record of this.#records) this.#inHandle(() => this.#apply(record));
    for (const number of this.#recount) this.#inHandle(() => this.#countLinks(number));
    this.#accounts?.settle(this.#put);
    this.#transactions.commit();
  }

  #inHandle(change: () => void): void {
    this.#transactions.begin();
    change();
    this.#transactions.end();
    this.#filesystem.trim();
  }

  #apply(record: FastCommitRecord): void {
    switch (record.kind) {
      case 'inode':
        this.#put.add(record.inode);
        return this.#inodes.put(record.inode, record.raw, this.#accounts !== undefined);
      case 'add range':
        return this.#addRange(record);
      case 'remove range':
        return this.#removeRange(record);
      case 'create':
        return this.#create(record);
      case 'link':
        return this.#link(record);
      case 'unlink':
        return this.#unlink(record);
    }
  }

  #addRange({ inode: number, logical, length, physical, unwritten }: AddedRange): void {
    const inode = this.#known(number);
    if (inode === undefined) return;
    if (length === 0 || logical + length > LOGICAL_BLOCK_LIMIT || !this.#filesystem.geometry.containsBlocks(physical, length)) {
      throw new CorruptionError('fast commit block', { inode: number }, `range ${logical}+${length} at block ${physical}`);
    }
    this.#removeMappings(inode, logical, logical + length);
    this.#extents.insert(inode, logicalBlock(logical), length, physicalBlock(physical), unwritten);
  }

  #removeRange({ inode: number, logical, length }: RemovedRange): void {
    const inode = this.#known(number);
    if (inode !== undefined) this.#removeMappings(inode, logical, Math.min(logical + length, LOGICAL_BLOCK_LIMIT));
  }

  #removeMappings(inode: Inode, from: number, to: number): void {
    if (!inode.hasFlag('EXTENTS')) throw new UnsupportedError(`inode ${inode.number} has a block map`);
    for (let at = from; at < to; ) {
      at = this.#extents.remove(inode, logicalBlock(at), to, Infinity, () => undefined);
      if (at < to) this.#transactions.restart();
    }
  }

  /** Its inode came just before. */
  #create(record: EntryRecord): void {
    const inode = this.#known(record.inode);
    if (inode === undefined) throw new CorruptionError('fast commit block', { inode: record.inode }, 'a name for an inode that is not there');
    const parent = this.#known(record.parent);
    if (parent === undefined) return;
    if (this.#directories.lookup(parent, record.name) !== 0) return;
    if (inode.isDirectory) {
      if (!inode.hasFlag('INLINE_DATA')) this.#directories.initialise(inode, parent.number);
      this.#recount.add(parent.number);
    }
    this.#directories.add(parent, record.name, inode.number, entryTypeOf(inode.mode));
  }

  /** A name that is there already was stored by other means, or by a replay that was interrupted. */
  #link(record: EntryRecord): void {
    const inode = this.#known(record.inode);
    const parent = this.#known(record.parent);
    if (inode === undefined || parent === undefined || this.#directories.lookup(parent, record.name) !== 0) return;
    this.#directories.add(parent, record.name, inode.number, entryTypeOf(inode.mode));
    this.#editor.setLinks(inode, inode.links + 1);
  }

  #unlink(record: EntryRecord): void {
    const inode = this.#known(record.inode);
    const parent = this.#known(record.parent);
    if (inode === undefined || parent === undefined || !this.#directories.remove(parent, record.name, inode.number)) return;
    if (inode.isDirectory) this.#recount.add(parent.number);
    const links = inode.isDirectory ? 0 : Math.max(inode.links - 1, 0);
    this.#editor.setLinks(inode, links);
    // For a writer, the mount frees what it had.
    if (links === 0 && this.#accounts === undefined) this.#inodes.clear(inode);
  }

  /**
   * A directory's own record, which there is only where it is new, may or may not count the
   * subdirectories that other records make: its names tell.
   */
  #countLinks(number: number): void {
    const dir = this.#known(number);
    if (dir === undefined || !dir.isDirectory || dir.hasFlag('INLINE_DATA')) return;
    const links = 2 + this.#directories.countSubdirectories(dir, (inode) => this.#known(inode)?.isDirectory ?? false);
    this.#editor.setLinks(dir, links < MOST_LINKS ? links : UNCOUNTED_LINKS);
  }

  /** The inode, if there is one in use; the kernel passes over records whose inode is gone. */
  #known(number: number): Inode | undefined {
    try {
      const inode = this.#filesystem.inodes.get(inodeNumber(number));
      return inode.mode === 0 || inode.links === 0 ? undefined : inode;
    } catch (error) {
      if (error instanceof FilesystemError && error.code === 'CORRUPT') return undefined;
      throw error;
    }
  }
}

function namedInodes(records: readonly FastCommitRecord[]): Set<number> {
  const named = new Set<number>();
  for (const record of records) {
    named.add(record.inode);
    if ('parent' in record) named.add(record.parent);
  }
  return named;
}

/** What is committed replaces blocks of the device in memory. */
function intoMemory(device: EditedDevice): TransactionSink {
  let isBusy = false;
  return {
    capacity: TRANSACTION_BLOCKS,
    isTight: false,
    get isBusy() {
      return isBusy;
    },
    commit: ({ blocks }: CommittingTransaction) => {
      for (const block of blocks) device.replace(block.number, block.bytes);
      isBusy = true;
    },
    collect: () => {
      const wasBusy = isBusy;
      isBusy = false;
      return wasBusy;
    },
    revokesPerBlock: Infinity,
    flush: () => undefined,
    relieve: () => undefined,
    preserve: () => undefined,
    checkpoint: () => undefined,
    abort: () => undefined,
    close: () => undefined,
  };
}

function sealExtentNode(block: CachedBlock): void {
  extent.setChecksum(block.view, extent.computeChecksum(block.checksumSeed, block.bytes, block.view));
}
