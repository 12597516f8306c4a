import type { BlockDevice } from '../../device/block-device.js';
import { errno, OperationError, UnsupportedError } from '../errors.js';
import { nextSequence } from '../layout/journal.js';
import { journalBlock, type JournalBlock } from '../units.js';
import { CheckpointList, HomeWriter } from './checkpoint.js';
import type { JournalStorage } from './journal-storage.js';
import { LogFormat } from './log-format.js';
import { blockAfter } from './log-reader.js';
import { LogStage } from './log-stage.js';
import type { JournalSuperblock } from './superblock.js';
import type { JournalSuperblockWriter } from './superblock-writer.js';
import type { CommittingTransaction, TransactionSink } from './transaction-sink.js';
import type { WritableJournal } from './writable-journal.js';

export interface LogOptions {
  /** Flush around the commit block. Without, a power cut may cost the filesystem. */
  readonly barriers: boolean;
  /** File data that was written before a commit is durable before it (data=ordered); default true. */
  readonly ordered?: boolean;
  /** Bytes of committed blocks that may wait in memory for a checkpoint. */
  readonly memory?: number;
}

const DEFAULT_MEMORY = 64 << 20;
/** A transaction takes at most this part of the log. */
const TRANSACTION_PART = 4;
/** What a commit itself may add to a transaction that is full. */
const COMMIT_SLACK = 16;
/** Below this, operations that change many blocks would not fit. */
const LEAST_CAPACITY = 128;

/**
 * The log of a jbd2 journal, written one transaction after the other around a ring:
 *
 *     revoke blocks, (descriptor, its contents)..., | flush | commit block | flush
 *
 * The first flush also makes the file data durable that was written before: metadata never points at
 * blocks that hold another file's old contents. After every commit there is room for one more
 * transaction of `capacity` blocks; where there is not, all of the log is checkpointed at that moment,
 * when no block has uncommitted changes.
 */
export class Log implements TransactionSink {
  readonly capacity: number;
  readonly revokesPerBlock: number;
  readonly #device: BlockDevice;
  readonly #storage: JournalStorage;
  readonly #journal: JournalSuperblock;
  readonly #superblock: JournalSuperblockWriter;
  readonly #format: LogFormat;
  readonly #stage: LogStage;
  readonly #waiting: CheckpointList;
  readonly #mostWaiting: number;
  readonly #barriers: boolean;
  readonly #ordered: boolean;
  /** What a transaction of `capacity` blocks takes in the log. */
  readonly #reserve: number;
  /** Blocks of the ring. */
  readonly #length: number;
  /** Where the next block of the log goes, and as a part of which transaction. */
  #head: JournalBlock;
  #sequence: number;
  /** Of these, so many hold nothing that recovery would read. */
  #free: number;
  /** The journal's superblock says that there is nothing to recover. */
  #isEmpty = true;

  /** @param device the filesystem's, where blocks are at home */
  constructor({ storage, superblock, writer, head, sequence }: WritableJournal, device: BlockDevice, { barriers, ordered = true, memory = DEFAULT_MEMORY }: LogOptions) {
    const { blockSize } = storage;
    const length = superblock.end - superblock.first;
    this.#length = length;
    this.#device = device;
    this.#storage = storage;
    this.#journal = superblock;
    this.#superblock = writer;
    this.#format = new LogFormat(superblock, blockSize, writer.uuid);
    this.#stage = new LogStage(blockSize, (bytes, blocks) => {
      this.#append(bytes, blocks);
    });
    this.#waiting = new CheckpointList(new HomeWriter(device, blockSize));
    this.#mostWaiting = Math.floor(memory / blockSize);
    this.#barriers = barriers;
    this.#ordered = ordered;
    this.#head = head;
    this.#sequence = sequence;
    this.#free = length;
    writer.setError(0);

    const inMemory = Math.max(this.#mostWaiting, LEAST_CAPACITY + COMMIT_SLACK);
    this.capacity = Math.min(Math.floor(length / TRANSACTION_PART), inMemory) - COMMIT_SLACK;
    this.revokesPerBlock = this.#format.revokesPerBlock;
    // One block more, for revoke records that do not fill theirs.
    this.#reserve = this.#format.blocksFor(this.capacity + COMMIT_SLACK, 0) + 1;
    if (this.capacity < LEAST_CAPACITY) throw new UnsupportedError(`a journal of ${length} blocks is too short to be written`);
  }

  /** Whether what was written to the filesystem's device before a commit is durable after it. */
  get flushesData(): boolean {
    return this.#ordered || !this.#storage.separate;
  }

  commit({ blocks, revoked }: CommittingTransaction): void {
    const length = this.#format.blocksFor(blocks.length, revoked.size);
    if (length > this.#free) throw new OperationError(errno.ENOSPC, `a transaction needs ${length} blocks in the log, which has ${this.#free}`);
    this.#stage.reset();
    this.#announce(revoked.size > 0);
    this.#stageRevokes(revoked);
    this.#stageBlocks(blocks);
    this.#stage.issue();
    this.#barrier();
    this.#format.writeCommit(this.#stage.claim(), this.#sequence, Date.now());
    this.#stage.issue();
    if (this.#barriers) this.#storage.flush();

    this.#free -= length;
    this.#sequence = nextSequence(this.#sequence);
    for (const number of revoked) this.#waiting.drop(number);
    for (const block of blocks) this.#waiting.add(block);
    if (this.#free < this.#reserve || this.#waiting.size > this.#mostWaiting) this.checkpoint();
  }

  checkpoint(): void {
    if (this.#free === this.#length) return;
    this.#waiting.write();
    this.#device.flush();
    this.#superblock.setTail(this.#head, this.#sequence);
    this.#superblock.write();
    // Before the log is written over what the old tail begins with.
    this.#storage.flush();
    this.#free = this.#length;
  }

  abort(errorNumber: number): void {
    this.#superblock.setError(errorNumber);
    this.#superblock.write();
    this.#storage.flush();
  }

  close(): void {
    this.checkpoint();
    this.#isEmpty = true;
    this.#superblock.setEmpty(this.#head, this.#sequence);
    this.#superblock.write();
    this.#storage.flush();
  }

  /** Has the journal's superblock say what the commit to come needs. It is durable before the commit block is. */
  #announce(revokes: boolean): void {
    const wasEmpty = this.#isEmpty;
    if (wasEmpty) this.#superblock.setTail(this.#head, this.#sequence);
    this.#isEmpty = false;
    const firstRevokes = revokes && this.#superblock.allowRevokes();
    if (wasEmpty || firstRevokes) this.#superblock.write();
  }

  #stageRevokes(revoked: ReadonlySet<number>): void {
    const numbers = revoked.values();
    for (let left = revoked.size; left > 0; left -= this.#format.revokesPerBlock) {
      this.#format.writeRevokes(this.#stage.claim(), this.#sequence, numbers);
    }
  }

  #stageBlocks(blocks: CommittingTransaction['blocks']): void {
    for (let first = 0; first < blocks.length; ) {
      const count = Math.min(this.#format.tagsPerDescriptor, blocks.length - first);
      this.#format.writeDescriptor(this.#stage.claim(), this.#sequence, blocks, first, count);
      for (const end = first + count; first < end; first++) {
        const block = blocks[first];
        if (block !== undefined) this.#format.writeContent(this.#stage.claim(), block);
      }
    }
  }

  /** File data and the log's blocks are stored before the commit block can be. */
  #barrier(): void {
    if (!this.#barriers) return;
    if (this.#storage.separate && this.#ordered) this.#device.flush();
    this.#storage.flush();
  }

  /** Puts blocks at the head, around the end of the ring. */
  #append(bytes: Uint8Array, count: number): void {
    const before = Math.min(count, this.#journal.end - this.#head);
    this.#storage.write(bytes, 0, this.#head, before);
    if (before < count) this.#storage.write(bytes, before * this.#storage.blockSize, journalBlock(this.#journal.first), count - before);
    this.#head = blockAfter(this.#journal, this.#head, count);
  }
}
