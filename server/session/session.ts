import { constants } from 'node:os';
import { readInit, writeInit } from '../../protocol/fuse/init.js';
import { writeStaleAttributes, writeUnneeded } from '../../protocol/fuse/notification.js';
import type { Counters } from './counters.js';
import { Dispatcher, NOTHING, type FailureListener } from './dispatcher.js';
import type { DeferredAnswer, MountedFilesystem } from './filesystem.js';
import { UNREAD, type Handler } from './handler.js';
import { negotiate, type Connection, type SessionLimits } from './negotiation.js';
import { PostponedRequests } from './postponed-requests.js';
import { Reply } from './reply.js';
import { Request } from './request.js';

const { EIO, ENOSYS, EPROTO } = constants.errno;
const PAGE = 4096;

/** Directory and xattr requests can ask for this much however small READ and WRITE are. */
const LARGEST_OTHER_REPLY = 128 * 1024;

/** A device may read in another order than it was asked in: after so many milliseconds it is looked what is there. */
const LOOK_AGAIN = 2;

/** So many requests may be handled while others, deferred, wait. */
const MOST_WHILE_DEFERRED = 64;

export interface SessionOptions {
  readonly filesystem: MountedFilesystem;
  readonly maximumPages: number;
  readonly counters: Counters;
  readonly failed: FailureListener;
}

/**
 * One mount, from INIT to its end, without a device: whoever has one reads requests into `request`,
 * calls handle(), and sends what is in `reply`.
 */
export class Session {
  readonly request: Request;
  readonly reply: Reply;
  /** Set once the kernel's INIT was accepted. */
  connection: Connection | undefined;
  /** Why INIT was refused; nothing can follow. */
  refusal: string | undefined;
  /** The kernel said goodbye (DESTROY), and the filesystem is closed. */
  destroyed = false;
  readonly postponed = new PostponedRequests();
  /** Those that lacked what the device had to read. */
  readonly unread = new PostponedRequests();

  private readonly filesystem: MountedFilesystem;
  private readonly limits: SessionLimits;
  private readonly dispatcher: Dispatcher;
  private readonly counters: Counters;
  private readonly failed: FailureListener;
  private closed = false;
  private handledSinceDeferred = 0;
  private settledBefore = 0;
  private nextLook = 0;
  private closeFailure: unknown;

  constructor({ filesystem, maximumPages, counters, failed }: SessionOptions) {
    const maximumBytes = maximumPages * PAGE;
    this.filesystem = filesystem;
    this.counters = counters;
    this.limits = { readOnly: filesystem.facts.readOnly, maximumPages, timeGranularity: filesystem.facts.timeGranularity ?? 1, wishes: filesystem.kernelWishes, iomap: filesystem.iomap !== undefined };
    this.request = new Request(maximumBytes);
    this.reply = new Reply(Math.max(maximumBytes, LARGEST_OTHER_REPLY));
    this.failed = (opcode, nodeid, error) => {
      failed(opcode, nodeid, error);
      filesystem.failed?.(error);
    };
    this.dispatcher = new Dispatcher({ ...filesystem.operations, ...this.ownOperations() }, counters, this.failed, (request, outcome) => (outcome === UNREAD ? this.unread : this.postponed).keep(request));
  }

  /**
   * @param length of the request at `request.start`
   * @returns how many bytes to send from `reply.start` on, or NOTHING
   */
  handle(length: number): number {
    this.postponed.tick();
    return this.dispatcher.handle(this.request, length, this.reply);
  }

  /**
   * Handles the first request of one of the two again.
   * @returns how many bytes to send from `reply.start` on, or NOTHING
   */
  repeat(waiting: PostponedRequests): number {
    const { request, reply } = this;
    const length = waiting.take(request);
    if (length === 0) return NOTHING;
    try {
      return this.dispatcher.handle(request, length, reply);
    } finally {
      request.attempts = 0;
    }
  }

  /** Whether it is the turn of those that lacked something: what was wanted first has been read, or others may have been. */
  get areUnreadDue(): boolean {
    if (this.unread.count === 0) return false;
    return this.filesystem.reads?.isUnderWay !== true || performance.now() >= this.nextLook;
  }

  /** Each is to come to its turn once. @returns how many there are */
  lookAtUnread(): number {
    this.nextLook = performance.now() + LOOK_AGAIN;
    return this.unread.count;
  }

  /** A transfer by another thread that failed is told of like any failure. */
  hearOfFailures(): void {
    const failure = this.closed ? undefined : this.filesystem.takeTransferFailure?.();
    if (failure === undefined) return;
    this.counters.fail(failure.count);
    this.failed(failure.operation, failure.nodeid, failure.error);
  }

  /** Whether everything was agreed on that comes before ordinary requests. */
  get isReady(): boolean {
    if (this.connection === undefined) return false;
    return !this.connection.features.has('IOMAP') || this.filesystem.iomap?.isConfigured === true;
  }

  /** Whether something has to be begun that deferred requests wait for. */
  get owesReplies(): boolean {
    return this.filesystem.deferred?.isDue === true;
  }

  /** Whether something is under way that deferred requests wait for: its end interrupts waiting. */
  get worksInBackground(): boolean {
    return this.filesystem.deferred?.isUnderWay === true;
  }

  /** Whether deferred requests can wait for some more to come in. */
  get isPatient(): boolean {
    return this.handledSinceDeferred++ < MOST_WHILE_DEFERRED;
  }

  /** Whether more were deferred the last time: those callers may be about to ask again. */
  get expectsMore(): boolean {
    return (this.filesystem.deferred?.count ?? 0) < this.settledBefore;
  }

  /**
   * Begins what deferred requests wait for.
   * @param send is called with each reply, which is in `reply` from `reply.start` on
   */
  settle(send: (length: number) => void): void {
    this.handledSinceDeferred = 0;
    this.settledBefore = this.filesystem.deferred?.count ?? 0;
    this.filesystem.deferred?.settle(this.answering(send));
  }

  /** Answers those requests for which what they wait for has ended. */
  collect(send: (length: number) => void): void {
    this.filesystem.deferred?.collect(this.answering(send));
  }

  /** Answers all that were deferred. */
  finishDeferred(send: (length: number) => void): void {
    if (!this.closed) this.filesystem.deferred?.finish(this.answering(send));
  }

  private answering(send: (length: number) => void): DeferredAnswer {
    const { reply } = this;
    return (uniqueLow, uniqueHigh, outcome) => {
      send(outcome < 0 ? reply.fail(uniqueLow, uniqueHigh, outcome) : reply.finish(uniqueLow, uniqueHigh, 0));
    };
  }

  /**
   * Tells the kernel which attributes it has to ask for again, and which nodes to forget.
   * @param send is called with each message, which is in `reply` from `reply.start` on
   */
  notify(send: (length: number) => void): void {
    const { reply } = this;
    const unneeded = this.filesystem.unneededNodes?.();
    if (unneeded !== undefined) send(writeUnneeded(reply.view, reply.start, unneeded));
    const stale = this.filesystem.staleAttributes;
    if (stale === undefined || stale.dueIn > 0) return;
    stale.tell((nodeid) => send(writeStaleAttributes(reply.view, reply.start, nodeid)));
  }

  /** How long, in milliseconds, nothing needs to be done if no request comes; infinite if that is so for ever. */
  get idleTime(): number {
    const untilStale = this.filesystem.staleAttributes?.dueIn ?? Infinity;
    return this.unread.count === 0 ? untilStale : Math.min(untilStale, Math.max(0, this.nextLook - performance.now()));
  }

  /** Whether requests wait for the kernel to write back. */
  get awaitsWriteback(): boolean {
    return (this.filesystem.writebacks?.count ?? 0) > 0;
  }

  /** Names what the kernel has to write back; whoever asks it to must not be the thread that answers it. */
  askForWriteback(ask: (ticket: number, nodeid: number, offset: number, size: number) => void): void {
    this.filesystem.writebacks?.ask(ask);
  }

  /**
   * Handles the request again that waited for a writeback.
   * @returns how many bytes to send from `reply.start` on, or NOTHING
   */
  resume(ticket: number): number {
    const length = this.filesystem.writebacks?.resume(ticket, this.request) ?? 0;
    return length === 0 ? NOTHING : this.handle(length);
  }

  /** Forgets a request that waited for a writeback. */
  dropWaiting(ticket: number): void {
    this.filesystem.writebacks?.resume(ticket, this.request);
  }

  /** To be called after each reply: what the caller need not wait for. */
  tend(gauges: Float64Array): void {
    if (!this.closed) this.filesystem.tend?.(gauges);
  }

  /** The mount was given other options. */
  remounted(options: readonly string[]): void {
    if (!this.closed) this.filesystem.remounted?.(options);
  }

  /** Everything goes to the device now. */
  sync(): void {
    if (!this.closed) this.filesystem.sync?.();
  }

  /** A sign of life for whoever else could use the device. */
  beat(): void {
    if (!this.closed) this.filesystem.beat?.();
  }

  /**
   * Closes the filesystem if DESTROY has not done so.
   * @throws FilesystemError where that failed, also if it was DESTROY's doing
   */
  close(): void {
    if (!this.closed) {
      this.closed = true;
      try {
        this.filesystem.close();
      } catch (error) {
        this.closeFailure = error;
      }
    }
    if (this.closeFailure !== undefined) throw this.closeFailure;
  }

  private ownOperations(): { INIT: Handler; DESTROY: Handler; INTERRUPT: Handler } {
    return {
      INIT: (request, reply) => this.initialise(request, reply),
      // Closed before the reply: umount(2) of a fuseblk mount waits for it, and then finds all on the device.
      DESTROY: () => {
        this.destroyed = true;
        this.close();
        return 0;
      },
      // A request is always answered before the next one is read, so there is never anything to
      // interrupt. ENOSYS switches interrupts off.
      INTERRUPT: () => -ENOSYS,
    };
  }

  private initialise(request: Request, reply: Reply): number {
    if (this.connection !== undefined) return -EIO;
    const offer = readInit(request.view, request.bodyOffset, request.bodyLength);
    const result = negotiate(offer, this.limits);
    if (result.outcome === 'refused') {
      this.refusal = result.reason;
      return -EPROTO;
    }
    if (result.outcome === 'agreed') {
      this.connection = result.connection;
      this.filesystem.connected?.(result.connection);
    }
    return writeInit(reply.view, reply.body, result.reply);
  }
}

