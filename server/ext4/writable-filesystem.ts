import type { BlockDevice } from '../device/block-device.js';
import { NoSpaceError } from './allocation/block-allocator.js';
import { clustersForNodes } from './allocation/node-reserve.js';
import type { TrimRange } from './allocation/free-space.js';
import { errno, InUseError, OperationError } from './errors.js';
import type { DataElsewhere } from './external-data.js';
import type { Inode } from './inode.js';
import { NameIndex } from './layout/xattr.js';
import { emptyOrphanFile } from './namespace/orphan-file.js';
import { openForWriting } from './open-for-writing.js';
import type { WritableOptions } from './writable-options.js';
import { WritableParts } from './writable-parts.js';
import type { EntryName } from './xattr/entry-editor.js';

/** What a program may do beyond its user's rights: setcap(8). */
const FILE_CAPABILITIES: EntryName = { index: NameIndex.SECURITY, bytes: new TextEncoder().encode('capability'), offset: 0, length: 10 };

/** A filesystem mounted for writing. Operations run in `change`; nothing is durable before `commit`. */
export class WritableFilesystem extends WritableParts {
  isShutDown = false;

  /**
   * Recovers the journal for good, finishes what a crash interrupted, and marks the filesystem as
   * mounted.
   * @throws FilesystemError where it cannot be opened, or only for reading
   */
  static open(device: BlockDevice, options: WritableOptions): WritableFilesystem {
    const opened = openForWriting(device, options);
    try {
      const writable = new WritableFilesystem(opened, options);
      writable.#mount(options.mountPoint, opened.journal?.error ?? 0);
      return writable;
    } catch (error) {
      opened.protection?.release();
      throw error;
    }
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
    this.space.keptForNodes = clustersForNodes(this.filesystem.superblock, this.filesystem.geometry);
  }

  /** Nothing waits anywhere to be written when this returns: the device can be copied. */
  settle(): void {
    this.transactions.checkpoint();
    this.filesystem.device.flush();
  }

  /** Makes everything done so far durable, file data included. */
  commit(): void {
    const number = this.beginCommit();
    this.transactions.finish();
    const outcome = this.outcome(number);
    if (outcome instanceof Error) throw outcome;
    this.transactions.relieve();
  }

  /**
   * Begins to; operations go on meanwhile. Whoever calls it calls `transactions.collect` from time to time.
   * @param dataOnly what changed beside data may be lost, as far as nobody needs it to find the data
   * @returns what to ask `outcome` for
   */
  beginCommit(dataOnly = false): number {
    if (this.transactions.isEmpty || (dataOnly && this.#isFoundWithoutCommit)) {
      if (this.writer.unflushed) this.transactions.beginFlush();
    } else {
      if (this.writer.unflushed && !this.sink.flushesData) this.filesystem.device.flush();
      this.transactions.beginCommit();
    }
    this.writer.unflushed = false;
    return this.transactions.begun;
  }

  get #isFoundWithoutCommit(): boolean {
    return !this.transactions.changesMoreThanTimes && this.transactions.aborted === undefined;
  }

  /** What became of it: undefined while it is under way. */
  outcome(number: number): Error | 'durable' | undefined {
    const outcome = this.transactions.outcome(number);
    if (outcome instanceof Error) this.writer.unflushed = true;
    return outcome;
  }

  /** Whether nothing was done that could still be lost. */
  get isDurable(): boolean {
    return this.transactions.isDurable && !this.writer.unflushed;
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
    this.backups.setLabel(label);
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

  #mount(mountPoint: string, journalError: number): void {
    this.superblock.mounted(journalError);
    this.change(() => {
      this.superblock.setLastMounted(mountPoint);
    });
    const { filesystem, transactions, orphans } = this;
    const { superblock, cache, inodes, mapping } = filesystem;
    emptyOrphanFile({ superblock, cache, inodes, mapping, transactions, orphans });
    this.reaper.recover();
  }

  #unmount(): void {
    this.reaper.recover();
    this.space.releaseWindows();
    this.transactions.checkpoint();
    this.sink.close();
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
