import type { BlockDevice } from '../device/block-device.js';
import type { GroupCounters } from './allocation/group-counters.js';
import { CachedBlock, Verified, type BlockCache } from './cache/block-cache.js';
import { CorruptionError, errno, FilesystemError, OperationError } from './errors.js';
import type { Sealer } from './journal/seal.js';
import type { TransactionListener } from './journal/transaction-listener.js';
import type { Transactions } from './journal/transactions.js';
import { Compat, Incompat, RoCompat } from './layout/features.js';
import { joinHalves } from './layout/read.js';
import * as layout from './layout/superblock-fields.js';
import { SuperblockFields as Fields } from './layout/superblock-fields.js';
import { State, SUPERBLOCK_OFFSET, type Superblock } from './layout/superblock.js';
import { physicalBlock, type InodeNumber, type PhysicalBlock } from './units.js';
import { SuperblockErrors } from './superblock-errors.js';

/** What a filesystem gets that says "never asked": it is then checked every so many mounts. */
const DEFAULT_MAX_MOUNT_COUNT = 20;
const FEATURES = { compat: Compat, incompat: Incompat, roCompat: RoCompat } as const;

export interface SuperblockEditorOptions {
  /** Byte offset of the copy in use; the primary one unless the mount names another. */
  readonly location?: number;
  /** Bytes written to the device so far, for s_kbytes_written. */
  readonly bytesWritten?: () => number;
  /** Seconds since 1970. */
  readonly now?: () => number;
}

/** Makes the checksum of the superblock in its block. */
export const superblockSealer = ({ features, blockSize }: Superblock, location: number = SUPERBLOCK_OFFSET): Sealer => {
  const offset = location % blockSize;
  return ({ bytes, view }) => {
    if (features.hasRoCompat('METADATA_CSUM')) layout.setSuperblockChecksum(bytes, view, offset);
  };
};

/**
 * Changes the superblock where it lies. What belongs to operations goes through transactions; that
 * the filesystem is mounted, and in what state it was left, is written past them, because it says
 * whether the journal counts. Copies in other groups: superblock-backups.ts.
 */
export class SuperblockEditor implements TransactionListener {
  readonly #superblock: Superblock;
  readonly #cache: BlockCache;
  readonly #device: BlockDevice;
  readonly #transactions: Transactions;
  readonly #counters: GroupCounters;
  readonly #number: PhysicalBlock;
  readonly #offset: number;
  readonly #seal: Sealer;
  readonly #now: () => number;
  readonly #bytesWritten: () => number;
  readonly #errors = new SuperblockErrors();
  #lastRecorded: FilesystemError | undefined;
  readonly #hasJournal: boolean;
  /** s_kbytes_written when it was mounted. */
  #kilobytesBefore = 0;
  /** s_state as it will be after a clean unmount. */
  #state = 0;

  constructor(
    superblock: Superblock,
    cache: BlockCache,
    device: BlockDevice,
    transactions: Transactions,
    counters: GroupCounters,
    { location = SUPERBLOCK_OFFSET, bytesWritten = () => 0, now = () => Math.floor(Date.now() / 1000) }: SuperblockEditorOptions = {},
  ) {
    this.#superblock = superblock;
    this.#cache = cache;
    this.#device = device;
    this.#transactions = transactions;
    this.#counters = counters;
    this.#number = physicalBlock(Math.floor(location / superblock.blockSize));
    this.#offset = location % superblock.blockSize;
    this.#seal = superblockSealer(superblock, location);
    this.#bytesWritten = bytesWritten;
    this.#now = now;
    this.#hasJournal = superblock.features.hasCompat('HAS_JOURNAL');
    transactions.listen(this);
  }

  /** Whether errors were recorded that `writeErrors` should bring to the device. */
  get hasErrors(): boolean {
    return this.#errors.count > 0;
  }

  /**
   * The filesystem is about to be written. Call it before the first handle, with an empty journal.
   * @param journalError what the journal was aborted with, 0 if it was not
   */
  mounted(journalError: number): void {
    const { view } = this.#block();
    const at = this.#offset;
    this.#state = view.getUint16(at + Fields.state, true) & ~State.FAST_COMMIT_REPLAY;
    this.#kilobytesBefore = this.#kilobytesWritten(view);
    if (journalError !== 0) this.#state |= State.ERRORS;
    // With a journal, a filesystem that was not unmounted is not for that reason unsound.
    view.setUint16(at + Fields.state, this.#hasJournal ? this.#state : this.#state & ~State.VALID, true);
    if (view.getUint16(at + Fields.maxMountCount, true) === 0) view.setUint16(at + Fields.maxMountCount, DEFAULT_MAX_MOUNT_COUNT, true);
    view.setUint16(at + Fields.mountCount, view.getUint16(at + Fields.mountCount, true) + 1, true);
    layout.setTime(view, at + Fields.mountTime, at + Fields.mountTimeHigh, this.#now());
    if (this.#hasJournal) {
      this.#changeFeature(view, 'incompat', Incompat.RECOVER, true);
      if (this.#superblock.features.hasCompat('ORPHAN_FILE')) this.#changeFeature(view, 'roCompat', RoCompat.ORPHAN_PRESENT, true);
    }
    this.#writeHome();
  }

  /** Nothing was left in the journal or in memory: the filesystem is as sound as it was. */
  unmounted(): void {
    const { view } = this.#block();
    this.#changeFeature(view, 'incompat', Incompat.RECOVER, false);
    this.#changeFeature(view, 'roCompat', RoCompat.ORPHAN_PRESENT, false);
    view.setUint16(this.#offset + Fields.state, this.#state, true);
    this.#writeHome();
  }

  /**
   * Notes what was met; may be called at any moment, and does not write. It gets into the superblock
   * with the next commit, or by `writeErrors`.
   */
  recordError(problem: FilesystemError): void {
    this.#lastRecorded = problem;
    this.#errors.add(problem, this.#now());
    this.#state |= State.ERRORS;
  }

  /** An abort of the journal is noted at once, if the device lets it; else at the unmount. */
  aborted(reason: Error): void {
    if (!(reason instanceof FilesystemError)) return;
    // What a commit took along is in the log only, and not at home.
    if (reason !== this.#lastRecorded || !this.hasErrors) this.recordError(reason);
    try {
      this.writeErrors();
    } catch {
      this.recordError(reason);
    }
  }

  /**
   * Brings recorded errors into a transaction; straight home where there is no journal that could
   * commit one. Outside a handle.
   * @throws DeviceError
   */
  writeErrors(): void {
    if (!this.hasErrors) return;
    if (this.#transactions.aborted !== undefined) {
      this.#writeErrorsOnly();
      return;
    }
    if (!this.#hasJournal) {
      this.#writeHome();
      return;
    }
    this.#transactions.begin();
    this.#update(this.#modify());
    this.#transactions.end();
  }

  /** Where it is mounted, as a tool will show it. In a handle. */
  setLastMounted(path: string): void {
    const { bytes } = this.#modify();
    layout.setText(bytes, this.#offset + Fields.lastMounted, layout.LAST_MOUNTED_SIZE, new TextEncoder().encode(path));
  }

  /** The volume's name. In a handle. @throws OperationError EINVAL where it is longer than 16 bytes */
  setLabel(label: Uint8Array): void {
    if (label.length > layout.LABEL_SIZE) throw new OperationError(errno.EINVAL, `a label of ${label.length} bytes, more than ${layout.LABEL_SIZE}`);
    layout.setText(this.#modify().bytes, this.#offset + Fields.label, layout.LABEL_SIZE, label);
  }

  /** In a handle. @throws OperationError EOPNOTSUPP where checksums or promises depend on the old one */
  setUuid(uuid: Uint8Array): void {
    const { features } = this.#superblock;
    const seeded = features.hasRoCompat('METADATA_CSUM') || features.hasRoCompat('GDT_CSUM');
    if ((seeded && !features.hasIncompat('CSUM_SEED')) || features.hasCompat('STABLE_INODES')) {
      throw new OperationError(errno.EOPNOTSUPP, 'the UUID is part of what is stored');
    }
    if (uuid.length !== layout.UUID_SIZE) throw new OperationError(errno.EINVAL, `a UUID of ${uuid.length} bytes`);
    layout.setText(this.#modify().bytes, this.#offset + Fields.uuid, layout.UUID_SIZE, uuid);
  }

  /** The first inode of the orphan list, 0 for none. In a handle. */
  setLastOrphan(inode: InodeNumber | 0): void {
    this.#modify().view.setUint32(this.#offset + Fields.lastOrphan, inode, true);
  }

  get lastOrphan(): number {
    return this.#block().view.getUint32(this.#offset + Fields.lastOrphan, true);
  }

  /** Notes that the filesystem uses a feature from now on. In a handle. What was parsed before does not know. */
  setFeature<Word extends keyof typeof FEATURES>(word: Word, name: keyof (typeof FEATURES)[Word]): void {
    const bit = (FEATURES[word] as Readonly<Record<keyof (typeof FEATURES)[Word], number>>)[name];
    const { view } = this.#block();
    if ((view.getUint32(this.#offset + Fields[word], true) & bit) !== 0) return;
    this.#changeFeature(this.#modify().view, word, bit, true);
  }

  committing(): void {
    const block = this.#block();
    if (block.transaction !== 0 || this.hasErrors || this.#countsDiffer(block.view)) this.#update(this.#modify());
  }

  #block(): CachedBlock {
    return this.#cache.get(this.#number);
  }

  #modify(): CachedBlock {
    const block = this.#block();
    this.#transactions.modify(block, Verified.Superblock, 0);
    return block;
  }

  /** What every version of the superblock that is written says. */
  #update(block: CachedBlock): void {
    const { view } = block;
    const at = this.#offset;
    const { totals } = this.#counters;
    this.#setFreeBlocks(view, totals.freeClusters * (this.#superblock.clusterSize / this.#superblock.blockSize));
    view.setUint32(at + Fields.freeInodes, totals.freeInodes, true);
    layout.setTime(view, at + Fields.writeTime, at + Fields.writeTimeHigh, this.#now());
    layout.setWide(view, at + Fields.kilobytesWritten, at + Fields.kilobytesWritten + 4, this.#kilobytesBefore + Math.floor(this.#bytesWritten() / 1024));
    if (this.hasErrors) this.#addErrors(block);
  }

  /** Past the journal. */
  #writeHome(): void {
    const block = this.#block();
    this.#update(block);
    this.#seal(block);
    this.#device.write(block.bytes, 0, this.#cache.blockSize, this.#number * this.#cache.blockSize);
    this.#device.flush();
  }

  /** Into the superblock as it is at home: the one in memory has changes that were never committed. */
  #writeErrorsOnly(): void {
    const { blockSize } = this.#cache;
    const bytes = new Uint8Array(blockSize);
    const home = new CachedBlock(bytes, new DataView(bytes.buffer));
    this.#device.read(bytes, 0, blockSize, this.#number * blockSize);
    this.#addErrors(home);
    this.#seal(home);
    this.#device.write(bytes, 0, blockSize, this.#number * blockSize);
    this.#device.flush();
  }

  #addErrors({ bytes, view }: CachedBlock): void {
    const at = this.#offset;
    view.setUint16(at + Fields.state, view.getUint16(at + Fields.state, true) | State.ERRORS, true);
    this.#errors.writeTo(bytes, view, at);
  }

  #countsDiffer(view: DataView): boolean {
    const { totals } = this.#counters;
    const { clusterSize, blockSize } = this.#superblock;
    return this.#freeBlocks(view) !== totals.freeClusters * (clusterSize / blockSize) || view.getUint32(this.#offset + Fields.freeInodes, true) !== totals.freeInodes;
  }

  #freeBlocks(view: DataView): number {
    const low = view.getUint32(this.#offset + Fields.freeBlocksLow, true);
    return this.#superblock.features.hasIncompat('64BIT') ? low + view.getUint32(this.#offset + Fields.freeBlocksHigh, true) * 0x1_0000_0000 : low;
  }

  #setFreeBlocks(view: DataView, count: number): void {
    const { freeBlocksLow: low, freeBlocksHigh: high } = Fields;
    if (this.#superblock.features.hasIncompat('64BIT')) layout.setWide(view, this.#offset + low, this.#offset + high, count);
    else view.setUint32(this.#offset + low, count, true);
  }

  #kilobytesWritten(view: DataView): number {
    const at = this.#offset + Fields.kilobytesWritten;
    try {
      return joinHalves(view.getUint32(at, true), view.getUint32(at + 4, true), 'superblock', {}, 's_kbytes_written');
    } catch (error) {
      // Nobody depends on it.
      if (error instanceof CorruptionError) return 0;
      throw error;
    }
  }

  #changeFeature(view: DataView, word: 'compat' | 'incompat' | 'roCompat', bit: number, on: boolean): void {
    const at = this.#offset + Fields[word];
    const value = view.getUint32(at, true);
    view.setUint32(at, on ? value | bit : value & ~bit, true);
  }
}
