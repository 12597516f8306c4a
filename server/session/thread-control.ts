import { serverShim } from '../native/shim.js';

const THREAD = 0;
const STOP = 1;
const SYNC = 2;
const MESSAGES = 3;
const BEAT = 4;
const PREPARED = 5;
const SLOTS = 6;

/** So often is a thread interrupted until it has taken notice: it may not be attached yet. */
const REPEAT_MILLISECONDS = 50;

/** More than the main thread needs, however busy the machine is. */
const PREPARATION_MILLISECONDS = 10_000;

/**
 * What the main thread wants of the filesystem thread, which spends its life in a blocking read and
 * gets no messages: a flag in shared memory, and a signal to end the read.
 */
export class ThreadControl {
  readonly memory: SharedArrayBuffer;
  private readonly slots: Int32Array;

  constructor(memory = new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.slots = new Int32Array(memory);
  }

  /** The calling thread is the one that is controlled. */
  attach(): void {
    const thread = serverShim.interruptible();
    if (thread > 0) Atomics.store(this.slots, THREAD, thread);
  }

  get stopRequested(): boolean {
    return Atomics.load(this.slots, STOP) !== 0;
  }

  /** Whether a sync was requested since it was last asked. */
  takeSyncRequest(): boolean {
    return Atomics.exchange(this.slots, SYNC, 0) !== 0;
  }

  /** Whether a sign of life was requested since it was last asked. */
  takeBeatRequest(): boolean {
    return Atomics.exchange(this.slots, BEAT, 0) !== 0;
  }

  /** The session ends after the current request, with the mount still there. */
  requestStop(): void {
    this.request(STOP);
  }

  /** Everything goes to the device soon; the session goes on. */
  requestSync(): void {
    this.request(SYNC);
  }

  /** Whether there may be messages that were posted since it was last asked. */
  takeMessages(): boolean {
    return Atomics.exchange(this.slots, MESSAGES, 0) !== 0;
  }

  /** A message was posted to the thread. */
  announceMessage(): void {
    this.request(MESSAGES);
  }

  /** The main thread has looked at all that it was given, and needs no call that the walls of a serving server refuse. */
  announcePrepared(): void {
    Atomics.store(this.slots, PREPARED, 1);
    Atomics.notify(this.slots, PREPARED);
  }

  /** Blocks until the main thread has announced so. */
  waitUntilPrepared(): void {
    Atomics.wait(this.slots, PREPARED, 0, PREPARATION_MILLISECONDS);
  }

  /** Others are shown soon that the filesystem is in use. */
  requestBeat(): void {
    this.request(BEAT);
  }

  private request(slot: number): void {
    Atomics.store(this.slots, slot, 1);
    const interrupt = (): void => {
      const thread = Atomics.load(this.slots, THREAD);
      const gone = thread > 0 && serverShim.interrupt(thread) < 0;
      if (gone || Atomics.load(this.slots, slot) === 0) clearInterval(repeat);
    };
    const repeat = setInterval(interrupt, REPEAT_MILLISECONDS).unref();
    interrupt();
  }
}
