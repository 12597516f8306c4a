import { Verified, type BlockCache, type CachedBlock } from '../cache/block-cache.js';
import { errno, FilesystemError, OperationError } from '../errors.js';
import { physicalBlock, type PhysicalBlock } from '../units.js';
import { CommitOutcomes } from './commit-outcomes.js';
import { RunningTransaction } from './running-transaction.js';
import type { TransactionListener } from './transaction-listener.js';
import type { TransactionSink } from './transaction-sink.js';
import { UndoImages } from './undo-images.js';

/** Of the sink's capacity: a handle begins below a half, and a long operation ends it here. */
const CROWDED_PART = 5 / 8;
/** Revoke records of one step take at most this part of it, and data as much. */
const FORGOTTEN_PART = 16;
const STEP_PART = 16;
const LEAST_STEP = 8;

/**
 * The one door from filesystem code to the journal. An operation opens a handle with `begin`, calls
 * `modify` for a block before it changes its first byte, and closes with `end`, or with `abort`,
 * after which nothing of it is left. The changes of many handles make up the running transaction,
 * which is made durable as a whole: by `commit`, or by `beginCommit`, after which handles go on in the
 * next one until `collect` finds it durable. One is under way at a time.
 *
 * There is one thread and one handle at a time, so the handle is this object's state.
 */
export class Transactions {
  readonly #cache: BlockCache;
  readonly #sink: TransactionSink;
  readonly #seal: (block: CachedBlock) => void;
  readonly #listeners: TransactionListener[] = [];
  readonly #running: RunningTransaction;
  readonly #images: UndoImages;
  readonly #outcomes = new CommitOutcomes();
  readonly #forgotten: PhysicalBlock[] = [];
  #handle = 0;
  #open = false;
  #committing = false;
  #aborted: Error | undefined;
  /** The last load of a block before the operation first restarted; undefined while it has not. */
  #loadsBeforeRestart: number | undefined;

  /**
   * @param firstId sequence number of the first transaction to commit, at least 1
   * @param seal brings a block's checksum up to date before it is written
   */
  constructor(cache: BlockCache, sink: TransactionSink, firstId: number, seal: (block: CachedBlock) => void) {
    this.#cache = cache;
    this.#images = new UndoImages(cache.blockSize);
    this.#sink = sink;
    this.#running = new RunningTransaction(firstId);
    this.#seal = seal;
  }

  /** Number of the running transaction. */
  get runningId(): number {
    return this.#running.id;
  }

  /** Whether the running transaction is. */
  get isEmpty(): boolean {
    return this.#running.isEmpty;
  }

  /** Whether the running transaction has what must be durable before data that was written can be found again. */
  get changesMoreThanTimes(): boolean {
    return this.#running.changesMoreThanTimes;
  }

  /** Whether a commit, a flush, or a part of a checkpoint was begun that `collect` has not seen the end of. */
  get isBusy(): boolean {
    return this.#sink.isBusy;
  }

  /** Whether everything that was changed is durable. */
  get isDurable(): boolean {
    return this.isEmpty && this.#outcomes.underWay === undefined;
  }

  /** Number of the commit or flush that was begun last, for `outcome`. */
  get begun(): number {
    return this.#outcomes.begun;
  }

  /** Blocks that the running transaction will write, the open handle's included. */
  get size(): number {
    return this.#running.blocks.length + Math.ceil((this.#running.revoked.size + this.#forgotten.length) / this.#sink.revokesPerBlock);
  }

  /**
   * Whether the open handle has taken most of its share: a long operation should restart before its
   * next step. What a step may still add, some dozen blocks, has room. A handle that just began is
   * never crowded, so that every one gets on.
   */
  get isCrowded(): boolean {
    return this.size >= this.#sink.capacity * CROWDED_PART;
  }

  /** How many blocks of data a step may change, beside the metadata. */
  get stepBlocks(): number {
    return Math.max(LEAST_STEP, Math.floor(this.#sink.capacity / STEP_PART));
  }

  /** How many blocks a step may forget. */
  get mostForgotten(): number {
    return Math.max(1, Math.floor(this.#sink.capacity / FORGOTTEN_PART)) * this.#sink.revokesPerBlock;
  }

  /** When the running transaction got its first change, in milliseconds of performance.now(); 0 while it is empty. */
  get startedAt(): number {
    return this.#running.startedAt;
  }

  /** Why nothing can be changed any more; undefined while all is well. */
  get aborted(): Error | undefined {
    return this.#aborted;
  }

  listen(listener: TransactionListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Opens the handle.
   * @throws OperationError EROFS once the journal was aborted
   */
  begin(): void {
    if (this.#aborted !== undefined) throw new OperationError(errno.EROFS, `the journal was aborted: ${this.#aborted.message}`);
    if (this.#open) throw new Error('a handle is already open');
    this.#loadsBeforeRestart = undefined;
    // What begins to change something is not left any more.
    this.#cache.waits = undefined;
    this.#openHandle();
  }

  #openHandle(): void {
    if (this.size >= this.#sink.capacity / 2) {
      this.beginCommit();
      this.relieve();
    }
    this.#open = true;
    this.#cache.handleIsOpen = true;
    this.#handle++;
  }

  /**
   * Keeps an undo image and makes the block a part of the running transaction. Call it before the
   * first change of each operation.
   *
   * @throws OperationError ENOSPC where one operation changes more than a transaction can hold
   * @param as the structure the block holds, which decides how its checksum is made
   * @param checksumSeed for that checksum: the inode's seed, the group's number, or 0
   */
  modify(block: CachedBlock, as: Verified, checksumSeed: number): void {
    this.#running.changesMoreThanTimes = true;
    this.modifyTimes(block, as, checksumSeed);
  }

  /** The same for times, which fdatasync(2) does not wait for. */
  modifyTimes(block: CachedBlock, as: Verified, checksumSeed: number): void {
    if (!this.#open) throw new Error(`block ${block.number} is changed outside a handle`);
    if (block.handle !== this.#handle) this.#keepImage(block, false);
    this.#join(block, as, checksumSeed);
  }

  /** A block with new contents, all zeros, as a part of the running transaction. Its old contents are not read. */
  create(number: PhysicalBlock, as: Verified, checksumSeed: number, owner: number): CachedBlock {
    this.#running.changesMoreThanTimes = true;
    const known = this.#cache.peek(number);
    if (known !== undefined && known.handle !== this.#handle) this.#keepImage(known, false);
    if (known?.transaction === 0) this.#sink.preserve(known);
    const block = this.#cache.create(number);
    if (known === undefined) this.#keepImage(block, true);
    this.#join(block, as, checksumSeed);
    block.markVerified(as, owner);
    return block;
  }

  /**
   * The block was freed: no version of it, in the journal or in memory, may ever be written again.
   * The allocator does not hand it out before the transaction has committed.
   */
  forget(number: PhysicalBlock): void {
    this.#running.changesMoreThanTimes = true;
    this.#forgotten.push(number);
    this.#checkSize();
  }

  /**
   * Blocks of a file's data were freed: what of them went through the journal is forgotten. What is not
   * dirty is at home, and the log was emptied since.
   */
  forgetData(start: PhysicalBlock, length: number): void {
    if (!this.#cache.holdsFileData) return;
    for (let number: number = start; number < start + length; number++) {
      const block = this.#cache.peek(physicalBlock(number));
      if (block?.verifiedAs === Verified.FileData && block.isDirty) this.forget(block.number);
    }
  }

  /** Closes the handle; its changes now share the running transaction's fate. */
  end(): void {
    for (const listener of this.#listeners) listener.ending?.();
    this.#open = false;
    this.#cache.handleIsOpen = false;
    this.#images.clear();
    for (const number of this.#forgotten) this.#forgetNow(number);
    this.#forgotten.length = 0;
    this.#running.noteStart();
  }

  /**
   * Ends the handle in the middle of a long operation and opens another, at a point where what was
   * done so far is consistent in itself (the orphan list remembers what is left). Blocks and inodes
   * that were in memory before the operation's first restart stay valid; those that came later may
   * leave it, so that an operation without end needs no memory without end.
   */
  restart(): void {
    this.end();
    if (this.#loadsBeforeRestart === undefined) this.#loadsBeforeRestart = this.#cache.nextLoad();
    else this.#cache.trimLoadedAfter(this.#loadsBeforeRestart);
    this.#openHandle();
  }

  /** Takes back every change made since `begin`. */
  abort(): void {
    for (let image = this.#images.take(); image !== undefined; image = this.#images.take()) {
      const { block } = image;
      if (image.created) {
        this.#running.leave(block);
        this.#cache.discard(block);
        continue;
      }
      block.bytes.set(image.bytes);
      block.load = this.#cache.nextLoad();
      block.markVerified(image.verifiedAs, image.verifiedFor);
      if (image.transaction === 0) this.#running.leave(block);
    }
    this.#forgotten.length = 0;
    this.#open = false;
    this.#cache.handleIsOpen = false;
    for (const listener of this.#listeners) listener.undone?.();
  }

  /**
   * Makes everything that was changed so far durable. Without changes it does nothing.
   * @throws FilesystemError; the journal is aborted then
   */
  commit(): void {
    this.beginCommit();
    this.finish();
    this.relieve();
  }

  /**
   * Begins to make durable what was changed so far, once what is under way has ended.
   * @throws FilesystemError; the journal is aborted then
   */
  beginCommit(): void {
    if (this.#open) throw new Error('commit inside a handle');
    if (this.#aborted !== undefined) throw this.#aborted;
    this.finish();
    if (this.isEmpty) return;
    this.#orShutDown(() => {
      this.#finishChanges();
      for (const block of this.#running.blocks) this.#seal(block);
      const { id, blocks, revoked } = this.#running;
      this.#sink.commit({ id, blocks, revoked });
    });
    this.#running.startNext();
    this.#outcomes.begin('commit');
    for (const listener of this.#listeners) listener.frozen?.();
    this.collect();
  }

  /** Begins to make durable what was written past the running transaction, which goes on. @throws FilesystemError of what was under way */
  beginFlush(): void {
    this.finish();
    this.#outcomes.begin('flush');
    try {
      this.#sink.flush();
    } catch (error) {
      this.#outcomes.flushFailed(error as Error);
      return;
    }
    this.collect();
  }

  /**
   * Takes note of what has come to its end.
   * @throws FilesystemError of a commit or checkpoint that failed; the journal is aborted then
   */
  collect(): void {
    if (this.#sink.isBusy) this.#collect(false);
  }

  /** Waits for what is under way. @throws FilesystemError as `collect` does */
  finish(): void {
    while (this.#sink.isBusy) this.#collect(true);
  }

  /** What became of a commit or flush that was begun: undefined while it goes on. */
  outcome(number: number): Error | 'durable' | undefined {
    return this.#outcomes.of(number, this.#aborted);
  }

  /** Goes on with the checkpoint that is due, unless something else is under way. @throws FilesystemError; the journal is aborted then */
  relieve(): void {
    if (this.#aborted !== undefined) return;
    this.#orShutDown(() => this.#sink.relieve());
  }

  /** Whether a checkpoint had better not wait for another commit. */
  get isTight(): boolean {
    return this.#sink.isTight;
  }

  checkpoint(): void {
    this.commit();
    this.finish();
    this.#orShutDown(() => this.#sink.checkpoint());
  }

  /**
   * Lets nothing be changed any more: what was not committed never will be.
   * @param isError whether the journal is to tell the next mount of it
   */
  shutDown(reason: Error, isError = true): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = reason;
    try {
      this.finish();
    } catch {
      // One reason is enough.
    }
    if (!isError) return;
    try {
      this.#sink.abort(reason instanceof FilesystemError ? reason.errno : errno.EIO);
    } catch {
      // The journal is on the device that failed: the reason is known without it.
    }
    for (const listener of this.#listeners) listener.aborted?.(reason);
  }

  #collect(wait: boolean): void {
    try {
      if (!this.#sink.collect(wait)) return;
    } catch (error) {
      if (this.#outcomes.underWay === 'flush') return this.#outcomes.flushFailed(error as Error);
      this.#outcomes.commitFailed();
      this.shutDown(error as Error);
      throw error;
    }
    const wasCommit = this.#outcomes.underWay === 'commit';
    this.#outcomes.end();
    if (wasCommit) for (const listener of this.#listeners) listener.committed?.();
  }

  #orShutDown(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.shutDown(error as Error);
      throw error;
    }
  }

  /** The last changes, which the listeners make in a handle of their own. */
  #finishChanges(): void {
    this.#open = true;
    this.#committing = true;
    this.#handle++;
    for (const listener of this.#listeners) listener.committing?.();
    this.end();
    this.#committing = false;
  }

  /** Refuses what could never be committed. The few blocks that a commit adds itself have room beside. */
  #checkSize(): void {
    if (this.size < this.#sink.capacity || this.#committing) return;
    throw new OperationError(errno.ENOSPC, `one operation changes more than ${this.#sink.capacity / 2} blocks`);
  }

  #join(block: CachedBlock, as: Verified, checksumSeed: number): void {
    block.verifiedAs = as;
    block.checksumSeed = checksumSeed;
    if (block.transaction !== 0) return;
    this.#checkSize();
    if (this.#running.revoked.has(block.number)) throw new Error(`block ${block.number} was freed in this transaction and is used again`);
    this.#sink.preserve(block);
    this.#running.join(block);
  }

  #forgetNow(number: PhysicalBlock): void {
    const block = this.#cache.peek(number);
    if (block !== undefined) {
      this.#sink.preserve(block);
      this.#running.leave(block);
      this.#cache.discard(block);
    }
    this.#running.revoked.add(number);
  }

  #keepImage(block: CachedBlock, created: boolean): void {
    block.handle = this.#handle;
    this.#images.keep(block, created);
  }
}
