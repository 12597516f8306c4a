import type { DeviceWriter } from '../../device/device-job.js';
import { UnsupportedError } from '../errors.js';
import { journalBlockType, journalCompat, journalIncompat } from '../layout/journal.js';
import { journalBlock, type JournalBlock } from '../units.js';
import type { JournalStorage } from './journal-storage.js';
import {
  JOURNAL_CRC32C,
  JOURNAL_SUPERBLOCK_SIZE,
  journalSuperblockChecksum,
  journalSuperblockOffsets as offsets,
} from './superblock.js';

/** What a journal is to be written with. */
export interface JournalFormat {
  readonly checksum: 'none' | 'v1' | 'v3';
  /** Block numbers of 64 bits. */
  readonly wide: boolean;
}

const CRC32 = 1;
const UUID_SIZE = 16;
const SUPERBLOCK = journalBlock(0);

/** Changes the journal's superblock, field by field in memory, and whole on the device. */
export class JournalSuperblockWriter {
  readonly #storage: JournalStorage;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(storage: JournalStorage) {
    this.#storage = storage;
    this.#bytes = new Uint8Array(storage.blockSize);
    this.#view = new DataView(this.#bytes.buffer);
    storage.read(SUPERBLOCK, this.#bytes);
  }

  get uuid(): Uint8Array {
    return this.#bytes.subarray(offsets.uuid, offsets.uuid + UUID_SIZE);
  }

  /**
   * Sets the features as the kernel does when it mounts for writing. The log must be empty: what is in it
   * has the old format.
   *
   * Room for fast commits is given to the log, as by a kernel told not to make any (`no_fc`). The journal
   * would otherwise carry a feature with which e2fsck 1.47 and kernels of its time read a log
   * that has gone around the end of the ring wrongly, and lose what was committed.
   */
  setFormat({ checksum, wide }: JournalFormat): void {
    this.#upgrade();
    const { checksumV2, checksumV3, asyncCommit, fastCommit } = journalIncompat;
    this.#changeBits(offsets.featureCompat, journalCompat.checksumV1, checksum === 'v1');
    // Commits are never asynchronous here: a commit block says that its transaction was stored before.
    this.#changeBits(offsets.featureIncompat, checksumV2 | asyncCommit | fastCommit, false);
    this.#changeBits(offsets.featureIncompat, checksumV3, checksum === 'v3');
    if (wide) this.#changeBits(offsets.featureIncompat, journalIncompat.wide, true);
    this.#bytes[offsets.checksumType] = checksum === 'v3' ? JOURNAL_CRC32C : checksum === 'v1' ? CRC32 : 0;
  }

  /** Where recovery begins, with which transaction. */
  setTail(start: JournalBlock, sequence: number): void {
    this.#view.setUint32(offsets.start, start);
    this.#view.setUint32(offsets.sequence, sequence);
  }

  /** Nothing to recover. @param head where the next user of the journal goes on */
  setEmpty(head: JournalBlock, sequence: number): void {
    this.#view.setUint32(offsets.start, 0);
    this.#view.setUint32(offsets.sequence, sequence);
    this.#view.setUint32(offsets.head, head);
  }

  /** Whether this changed anything: it does at the first revoke block. */
  allowRevokes(): boolean {
    const before = this.#view.getUint32(offsets.featureIncompat);
    this.#changeBits(offsets.featureIncompat, journalIncompat.revoke, true);
    return this.#view.getUint32(offsets.featureIncompat) !== before;
  }

  /** What the next mount is told about how this one ended. @param errno positive; 0 takes it back */
  setError(errno: number): void {
    this.#view.setInt32(offsets.errno, -errno);
  }

  /** Not durable before the storage is flushed. */
  write(): void {
    this.#seal();
    this.#storage.write(this.#bytes, 0, SUPERBLOCK, 1);
  }

  /** Writes what it says now by way of a job, whenever that comes to it: from `copy`, which has room for a block. */
  writeLater(copy: Uint8Array, job: DeviceWriter): void {
    this.#seal();
    copy.set(this.#bytes);
    this.#storage.write(copy, 0, SUPERBLOCK, 1, job);
  }

  #seal(): void {
    const incompat = this.#view.getUint32(offsets.featureIncompat);
    if ((incompat & (journalIncompat.checksumV2 | journalIncompat.checksumV3)) !== 0) {
      this.#view.setUint32(offsets.checksum, journalSuperblockChecksum(this.#bytes));
    }
  }

  /** A superblock of version 1 ends before the features. */
  #upgrade(): void {
    const type = this.#view.getUint32(offsets.blockType);
    if (type === journalBlockType.superblockV2) return;
    if (type !== journalBlockType.superblockV1) throw new UnsupportedError(`journal superblock of type ${type}`);
    this.#view.setUint32(offsets.blockType, journalBlockType.superblockV2);
    this.#bytes.fill(0, offsets.featureCompat, JOURNAL_SUPERBLOCK_SIZE);
    this.#view.setUint32(offsets.users, 1);
  }

  #changeBits(offset: number, bits: number, on: boolean): void {
    const value = this.#view.getUint32(offset);
    this.#view.setUint32(offset, on ? value | bits : value & ~bits);
  }
}
