import type { BlockDevice } from '../../device/block-device.js';
import { DeviceJob, type DeviceWriter, type JobRunner } from '../../device/device-job.js';
import { InlineJobs } from '../../device/inline-jobs.js';
import type { CachedBlock } from '../cache/block-cache.js';
import { errno, OperationError, UnsupportedError } from '../errors.js';
import { nextSequence } from '../layout/journal.js';
import { journalBlock, type JournalBlock } from '../units.js';
import { CheckpointList } from './checkpoint.js';
import { HomeWriter } from './home-writer.js';
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
  /** Who writes commits and checkpoints; by default whoever asks for them. */
  readonly jobs?: JobRunner;
}

const DEFAULT_MEMORY = 64 << 20;
/** A transaction takes at most this part of the log. */
const TRANSACTION_PART = 4;
/** What a commit itself may add to a transaction that is full. */
const COMMIT_SLACK = 16;
/** Below this, operations that change many blocks would not fit. */
const LEAST_CAPACITY = 128;
/** A checkpoint begins while there is room for so many of the largest transactions. */
const ROOM_WHILE_CHECKPOINTING = 1.5;

/** In so many parts, at least, is a full log checkpointed. */
const CHECKPOINT_PARTS = 16;

/** A place in the log, and the transaction that begins there. */
interface LogPlace {
  readonly block: JournalBlock;
  readonly sequence: number;
}

/** What the runner of jobs is at; `flush`: only that. */
type Phase = 'idle' | 'commit' | 'flush' | 'checkpoint';

/**
 * The log of a jbd2 journal, written one transaction after the other around a ring:
 *
 *     revoke blocks, (descriptor, its contents)..., | flush | commit block | flush
 *
 * The first flush also makes the file data durable that was written before: metadata never points at
 * blocks that hold another file's old contents.
 *
 * A commit is copied into memory of its own and is then a job, as is each part of a checkpoint; one is
 * under way at a time. A checkpoint begins before the log is full, and lets commits pass between its
 * parts. Only the last part moves the tail, over all that was committed when the checkpoint began.
 */
export class Log implements TransactionSink {
  readonly capacity: number;
  readonly revokesPerBlock: number;
  readonly #storage: JournalStorage;
  readonly #journal: JournalSuperblock;
  readonly #superblock: JournalSuperblockWriter;
  /** Of the superblock, as a job will write it. */
  readonly #superblockCopy: Uint8Array;
  readonly #format: LogFormat;
  readonly #stage: LogStage;
  readonly #waiting = new CheckpointList();
  readonly #homeWriter: HomeWriter;
  readonly #mostWaiting: number;
  readonly #barriers: boolean;
  readonly #ordered: boolean;
  readonly #jobs: JobRunner;
  readonly #job = new DeviceJob();
  readonly #toLog: DeviceWriter;
  readonly #toHome: DeviceWriter;
  /** What a transaction of `capacity` blocks takes in the log. */
  readonly #reserve: number;
  /** Blocks of the ring. */
  readonly #length: number;
  #phase: Phase = 'idle';
  /** Where the next block of the log goes, and as a part of which transaction. */
  #head: JournalBlock;
  #sequence: number;
  /** Of these, so many hold nothing that recovery would read. */
  #free: number;
  /** The journal's superblock says that there is nothing to recover. */
  #isEmpty = true;
  /** Where recovery begins, as the journal's superblock says. */
  #tail: LogPlace;
  /** Where it will, after the checkpoint under way; and how many blocks of the log lie before that. */
  #nextTail: (LogPlace & { readonly reclaimed: number }) | undefined;

  /** @param device the filesystem's, where blocks are at home */
  constructor({ storage, superblock, writer, head, sequence }: WritableJournal, device: BlockDevice, { barriers, ordered = true, memory = DEFAULT_MEMORY, jobs = new InlineJobs() }: LogOptions) {
    const { blockSize } = storage;
    const length = superblock.end - superblock.first;
    this.#length = length;
    this.#storage = storage;
    this.#journal = superblock;
    this.#superblock = writer;
    this.#superblockCopy = new Uint8Array(new SharedArrayBuffer(blockSize));
    this.#format = new LogFormat(superblock, blockSize, writer.uuid);
    this.#jobs = jobs;
    this.#toLog = this.#job.on(storage.device);
    this.#toHome = this.#job.on(device);
    this.#stage = new LogStage(blockSize, (bytes, from, blocks) => {
      this.#append(bytes, from, blocks);
    });
    this.#homeWriter = new HomeWriter(blockSize);
    this.#mostWaiting = Math.floor(memory / blockSize);
    this.#barriers = barriers;
    this.#ordered = ordered;
    this.#head = head;
    this.#sequence = sequence;
    this.#tail = { block: head, sequence };
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

  get isBusy(): boolean {
    return this.#phase !== 'idle';
  }

  get isTight(): boolean {
    return this.#free < this.#reserve;
  }

  commit({ blocks, revoked }: CommittingTransaction): void {
    const length = this.#format.blocksFor(blocks.length, revoked.size);
    while (length > this.#free && this.#free < this.#length) this.#finishPart();
    if (length > this.#free) throw new OperationError(errno.ENOSPC, `a transaction needs ${length} blocks in the log, which has ${this.#free}`);
    this.#job.clear();
    this.#stage.reset();
    this.#announce(revoked.size > 0);
    this.#stageRevokes(revoked);
    this.#stageBlocks(blocks);
    this.#stage.issue();
    this.#barrier();
    this.#format.writeCommit(this.#stage.claim(), this.#sequence, Date.now());
    this.#stage.issue();
    if (this.#barriers) this.#toLog.flush();

    this.#free -= length;
    this.#sequence = nextSequence(this.#sequence);
    for (const number of revoked) this.#waiting.drop(number);
    for (const block of blocks) this.#waiting.add(block);
    this.#start('commit');
  }

  flush(): void {
    this.#job.clear();
    this.#toHome.flush();
    this.#start('flush');
  }

  collect(wait: boolean): boolean {
    if (this.#phase === 'idle' || (!wait && this.#jobs.isRunning)) return false;
    const phase = this.#phase;
    this.#phase = 'idle';
    try {
      this.#jobs.finish();
    } catch (error) {
      // What the journal's superblock may be written for yet, an abort, leaves the tail where it was.
      if (phase === 'checkpoint') this.#superblock.setTail(this.#tail.block, this.#tail.sequence);
      throw error;
    }
    if (phase === 'checkpoint') this.#endOfPart();
    return phase !== 'checkpoint';
  }

  relieve(): void {
    while (!this.isBusy && this.#needsCheckpoint) {
      this.#checkpointPart();
      this.collect(false);
    }
  }

  preserve(block: CachedBlock): void {
    this.#waiting.preserve(block);
  }

  checkpoint(): void {
    this.collect(true);
    while (this.#free < this.#length) this.#finishPart();
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

  #start(phase: Phase): void {
    this.#jobs.start(this.#job);
    this.#phase = phase;
  }

  get #needsCheckpoint(): boolean {
    return this.#nextTail !== undefined || this.#free < this.#reserve * ROOM_WHILE_CHECKPOINTING || this.#waiting.size > this.#mostWaiting;
  }

  /** Of the checkpoint under way, or the first of another. */
  #checkpointPart(): void {
    if (this.#nextTail === undefined) {
      this.#nextTail = { block: this.#head, sequence: this.#sequence, reclaimed: this.#length - this.#free };
      this.#waiting.begin();
    }
    this.#job.clear();
    const most = Math.min(this.#homeWriter.mostBlocks, Math.ceil(this.#length / CHECKPOINT_PARTS));
    this.#homeWriter.write(this.#waiting.take(most), this.#toHome);
    this.#toHome.flush();
    if (this.#waiting.isWritten) {
      const { block, sequence } = this.#nextTail;
      this.#superblock.setTail(block, sequence);
      this.#superblock.writeLater(this.#superblockCopy, this.#toLog);
      // Before the log is written over what the old tail begins with.
      this.#toLog.flush();
    }
    this.#start('checkpoint');
  }

  #finishPart(): void {
    this.#checkpointPart();
    this.collect(true);
  }

  #endOfPart(): void {
    if (this.#nextTail === undefined || !this.#waiting.isWritten) return;
    this.#waiting.end();
    this.#tail = this.#nextTail;
    this.#free += this.#nextTail.reclaimed;
    this.#nextTail = undefined;
  }

  /** Has the journal's superblock say what the commit to come needs. It is durable before the commit block is. */
  #announce(revokes: boolean): void {
    const wasEmpty = this.#isEmpty;
    if (wasEmpty) {
      this.#tail = { block: this.#head, sequence: this.#sequence };
      this.#superblock.setTail(this.#head, this.#sequence);
    }
    this.#isEmpty = false;
    const firstRevokes = revokes && this.#superblock.allowRevokes();
    if (wasEmpty || firstRevokes) this.#superblock.writeLater(this.#superblockCopy, this.#toLog);
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
    if (!this.#barriers) {
      // Whoever comes after this server, if it is killed, finds no blocks that nobody has written.
      if (this.#ordered) this.#toHome.settle?.();
      return;
    }
    if (this.#storage.separate && this.#ordered) this.#toHome.flush();
    this.#toLog.flush();
  }

  /** Puts blocks at the head, around the end of the ring. */
  #append(bytes: Uint8Array, from: number, count: number): void {
    const before = Math.min(count, this.#journal.end - this.#head);
    this.#storage.write(bytes, from, this.#head, before, this.#toLog);
    if (before < count) this.#storage.write(bytes, from + before * this.#storage.blockSize, journalBlock(this.#journal.first), count - before, this.#toLog);
    this.#head = blockAfter(this.#journal, this.#head, count);
  }
}
