import { loadShim } from '../../native/load.js';

/** server.c and the files beside it: every call returns its result, or a negative errno. */
export interface ServerShim {
  /** How far behind a page boundary the array's first byte lies. */
  pageOffset(bytes: Uint8Array): number;
  /** The time that the kernel stamps inodes with, as two doubles: seconds since 1970, and nanoseconds. */
  coarseTime(bytes: Uint8Array): number;
  /** Leaves the pages of the array out of core dumps. */
  keepOutOfDumps(bytes: Uint8Array): number;
  /** Makes reads of that descriptor return -EAGAIN where they would block. */
  dontBlock(descriptor: number): number;
  /** read(2) into bytes[offset, offset+length), tried again for so long before -EAGAIN is the answer. */
  readWithin(descriptor: number, bytes: Uint8Array, offset: number, length: number, nanoseconds: number): number;
  /** write(2) of bytes[offset, offset+length). */
  writeFrom(descriptor: number, bytes: Uint8Array, offset: number, length: number): number;
  /** preadv2(2) with RWF_NOWAIT into bytes[offset, offset+length): -EAGAIN where it would have to wait, and the kernel begins to read. */
  readNow(descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /** Threads, so many, that send to the channel what they read from the device; what is large by way of `direct`, -1 for none. @returns how many there are */
  startDataReads(count: number, device: number, channel: number, largest: number, direct: number): number;
  /**
   * Gives them a job (session/data-threads.ts), for which a thread is woken at once, or where enough wait.
   * @returns nanoseconds that small reads have waited lately, or -EAGAIN where no more jobs can wait
   */
  sendWhenRead(job: Uint8Array, atOnce: 0 | 1): number;
  /** Somebody else has waited so long for a small read. @returns nanoseconds that small reads have waited lately */
  learnWait(nanoseconds: number): number;
  /** Returns when no job that was given before reads anything of that range of the device. */
  awaitRead(position: number, length: number): number;
  /** How many jobs have failed since it was last asked; five doubles say of the first one what its tag was, where and how much it read or wrote, errno, and 1 for a write. */
  takeFailure(facts: Uint8Array): number;
  /** Returns when all jobs are done, and the threads have ended. */
  stopDataReads(): number;
  /**
   * Threads that write to the device by way of `direct`, which passes all caches, or of `device` where that cannot be, and
   * send a message to the channel then. @param shown an int32 that says how many writes have not ended; it has to stay where it is
   */
  startDataWrites(direct: number, device: number, channel: number, largest: number, shown: Uint8Array): number;
  /**
   * Gives them a job (session/data-writes.ts) and the memory from which it writes, which is the caller's again on return.
   * @param patience nanoseconds that a mebibyte may take for the call to wait where too many are under way
   * @param alone nanoseconds that a mebibyte may take for the call to write it itself where none is under way
   * @returns 0, or -EAGAIN where the job was not taken
   */
  sendWhenWritten(job: Uint8Array, memory: Uint8Array, patience: number, alone: number): number;
  /** Returns when all have ended. @returns 0, or the negative errno of one of new blocks that failed, once */
  awaitDataWrites(): number;
  /** Returns when nothing is being written there. */
  awaitDataWrite(position: number, length: number): number;
  /** Returns when all are done, and the threads have ended. */
  stopDataWrites(): number;
  /** posix_fadvise(2) with POSIX_FADV_DONTNEED: the next read of the range comes from the device. */
  dropCached(descriptor: number, position: number, length: number): number;
  /** Positive where a read would not block, 0 when that has not come true in time; -1 waits for ever. */
  awaitReadable(descriptor: number, milliseconds: number): number;
  /** The calling thread's id. Its awaitReadable can be interrupted from now on, and nothing else. */
  interruptible(): number;
  /** Makes that thread's awaitReadable return -EINTR, or the next one if it is not in it. */
  interrupt(thread: number): number;
  /** Takes the blocks of a range from a file, which keeps its size. */
  punchHole(descriptor: number, offset: number, length: number): number;
  /** Tells a block device that a range is unused. */
  discardBlocks(descriptor: number, offset: number, length: number): number;
  /** Continues a CRC-32C over bytes[start, end); only where the processor has an instruction for it. */
  crc32c?(seed: number, bytes: Uint8Array, start: number, end: number): number;
  /** Bytes, sector size, and 1 where it is write-protected, into the array. */
  blockDevice(descriptor: number, facts: Float64Array): number;
  /** flock(2) without waiting; the lock lasts until the last descriptor of the open file is closed. */
  lock(descriptor: number, exclusive: 0 | 1): number;
  /** sync_file_range(2): writes what the page cache holds of a range, and waits; the device may keep it in memory of its own. */
  writeOut(descriptor: number, offset: number, length: number): number;
  /** Fills a range of a block device with zeros, past its page cache. */
  zeroBlocks(descriptor: number, offset: number, length: number): number;
  /** The smallest and the largest write to a block device that is not torn, into the array: 0 and 0 without any. Not once it serves. */
  untornWrites(descriptor: number, units: Float64Array): number;
  /** ioctl(2) with a structure, which may come back changed. */
  ioctl(descriptor: number, command: number, argument: Uint8Array): number;
  /** A thread for startJob(), or a negative errno. Where the caller is interruptible, each end of a job interrupts its awaitReadable. */
  startJobThread(): object | number;
  /**
   * Has the thread carry out writes and flushes in order, up to the first that fails: five numbers for each, namely its
   * descriptor, the array that it writes (-1: a flush; -2: nothing), offset and length in that, and the position. Flush or
   * nothing, it waits for data that is on its way. -3: it waits until the device has read a range of at most 64 KiB into the
   * machine's cache. Until the end the arrays are the thread's.
   */
  startJob(thread: object, steps: Float64Array, count: number, arrays: readonly Uint8Array[]): number;
  /** 1 while a job goes on. */
  jobRuns(thread: object): number;
  /** Waits for the end of the job. @param outcome how many steps were done, and the nanoseconds that took @returns 0 or a negative errno */
  finishJob(thread: object, outcome: Float64Array): number;
  /** The thread ends, behind its job. */
  stopJobThread(thread: object): number;
  /** 1 where a ring of io_uring is among the first 256 descriptors. */
  hasRing(): number;
  prctl(option: number, argument: number): number;
  /** Lowers soft and hard limit of a resource (RLIMIT_*). */
  limit(resource: number, maximum: number): number;
  /**
   * The calling thread, and all that it starts, may read below these two directories (empty: none), work on files
   * below the one that `tree` is open on, and reach nothing else by name. With a tree, or -2 for none, this thread
   * alone; -1: no tree, and all threads. The version of Landlock, or a negative errno.
   */
  landlock(one: string, other: string, tree: number): number;
  /** The version of Landlock that the kernel has, or a negative errno. */
  landlockVersion(): number;
  /** Binds every thread to the system calls in seccomp.c, those of the start or those of a server that serves, which for a directory tree are more; others fail with EPERM, or are only logged. */
  seccomp(serving: 0 | 1, tree: 0 | 1, logOnly: 0 | 1): number;
}

export const serverShim: ServerShim = loadShim<ServerShim>('server');
