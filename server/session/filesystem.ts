import type { Confinement } from '../confinement/confinement.js';
import type { DeviceRanges } from '../device/device-ranges.js';
import type { DeviceError } from '../device/errors.js';
import type { OperationTable } from './handler.js';
import type { Connection, KernelWishes } from './negotiation.js';
import type { Request } from './request.js';

/** A descriptor and the filesystem on it, as the helper passed it. The descriptor is the filesystem's to close. */
export interface FilesystemSource {
  readonly descriptor: number;
  /** The same, past the machine's cache (O_DIRECT), where that can be; the filesystem's to close. */
  readonly directDescriptor?: number;
  /** What the user named; for messages only. */
  readonly name: string;
  /** Where it will be mounted; for messages, and for the superblock to remember. */
  readonly target: string;
  readonly kind: 'block device' | 'image file' | 'directory';
  /** Size of the device or file, and where the filesystem lies in it; sizeLimit 0: up to the end. */
  readonly size: number;
  readonly offset: number;
  readonly sizeLimit: number;
  readonly sectorSize: number;
  readonly writable: boolean;
  /** "key" or "key=value" each. */
  readonly options: readonly string[];
  /** Where the kernel can move file data itself. */
  readonly iomap?: IomapChannel;
  /** To be called once, while the filesystem is being opened or activated, and where the descriptor is what it lies on. */
  readonly startDataThreads?: () => DataThreads | undefined;
  /** What is allowed in a directory, open for reading; the filesystem's to close. */
  readonly policy?: number;
}

/** The kernel's own way to the device (the iomap extension): what is asked of it, and told, beside replies. */
export interface IomapChannel {
  /** Whether the device writes so many bytes, at a multiple of their number, as a whole or not at all. Not once the filesystem is active. */
  writesUntorn(descriptor: number, length: number): boolean;
  /** Lets the kernel use a block device. @returns its id, or a negative errno */
  openBacking(descriptor: number): number;
  /** Of the device's page cache. @returns 0 or a negative errno */
  setBlockSize(device: number, blockSize: number): number;
  /** The kernel reclaims no memory by way of this mount on behalf of the calling thread. */
  avoidRecursion(): void;
  /** Sends the first bytes of a message. @returns their number, or a negative errno */
  notify(message: Uint8Array, length: number): number;
}

/** Threads that move data between the filesystem's device and the kernel, and answer READs and WRITEs, while the filesystem thread goes on. */
export interface DataThreads {
  /** Of WRITEs; undefined where the device cannot be written past the machine's cache. */
  readonly writes: DataWrites | undefined;
  /** What answerRead() is about. */
  readonly ranges: DeviceRanges;
  /**
   * Answers a request with what lies in `ranges`, or that it cannot be read.
   * @param length of all ranges
   * @param hasBegun the device reads it already
   * @returns false if too many wait already
   */
  answerRead(request: Request, length: number, hasBegun: boolean): boolean;
  /** Whether the device has answered lately in less time than it takes to have somebody else wait for it. */
  readonly isQuick: boolean;
  /** So long has the filesystem thread waited itself, for a small read. */
  waited(milliseconds: number): void;
  /** Returns when nothing that was begun before reads or writes in that range of the device: it can become somebody else's. */
  awaitOthers(position: number, length: number): void;
  /** Which of them have failed since it was last asked. */
  takeFailure(): TransferFailure | undefined;
  /** Returns when all is answered, and the threads have ended. */
  stop(): void;
}

/**
 * The data of one WRITE that can be written after the request was handled. Large pieces go to the device past the machine's
 * cache; nothing is durable, and no transaction that maps them commits, before they are there.
 */
export interface DataWrites {
  clear(): void;
  readonly isEmpty: boolean;
  /**
   * Adds a piece.
   * @param place of the device; @param from offset in the request's buffer
   * @returns false where it is not large, or not whole sectors
   */
  add(place: number, from: number, length: number): boolean;
  /** The blocks held something else before: they may not become the file's if this fails. */
  markFresh(): void;
  /**
   * Writes the pieces, and answers the request then.
   * @param size what the answer says to be written
   * @returns false if they had better be written at once
   */
  answerWrite(request: Request, size: number): boolean;
}

/** The first of so many. */
export interface TransferFailure {
  readonly operation: 'READ' | 'WRITE';
  readonly count: number;
  readonly nodeid: number;
  readonly error: DeviceError;
}

/** An external journal; the descriptor is the filesystem's to close. */
export interface JournalSource {
  readonly descriptor: number;
  readonly name: string;
  readonly size: number;
}

/** Asks the helper for the external journal that the superblock names. */
export type RequestJournal = (uuid: string, deviceNumber: number) => JournalSource;

/** What the mount needs to know, and its user. */
export interface MountFacts {
  readonly blockSize: number;
  readonly rootMode: number;
  readonly readOnly: boolean;
  /** Of the times that it can store, in nanoseconds; default 1. */
  readonly timeGranularity?: number;
  /** For the kernel, beyond what the session itself asks for. */
  readonly kernelOptions: readonly string[];
  readonly label: string;
  /** In the usual form, or empty. */
  readonly uuid: string;
  readonly warnings: readonly string[];
}

/** Sockets to those who do for a filesystem what it may not do. */
export interface Brokers {
  /** Registers files for the kernel to read and write itself. */
  readonly registrar?: number | undefined;
  /** Tells the kernel what others change beneath the mount. */
  readonly watcher?: number | undefined;
}

/** A filesystem as the session sees it: facts for the mount, answers for the kernel. */
export interface MountedFilesystem {
  readonly facts: MountFacts;
  readonly operations: OperationTable;
  readonly kernelWishes?: KernelWishes;
  /** Where the kernel is to move file data, if it agrees; then CONFIG follows INIT. */
  readonly iomap?: { readonly isConfigured: boolean } | undefined;
  /** Names of what `tend` measures, for the status report. */
  readonly gauges?: readonly string[];
  /** How often sync() is to be called while requests come; undefined: only when someone asks. */
  readonly syncMilliseconds?: number;
  /** How often beat() is to be called, whether requests come or not; undefined: never. */
  readonly heartbeatMilliseconds?: number;
  /**
   * The mount exists, and with it the kernel's claim on the device: from here on it may be written.
   * Called before `operations` is asked for.
   * @param brokers the filesystem's to close
   */
  activate?(brokers?: Brokers): void;
  /** INIT has been answered; requests follow. */
  connected?(connection: Connection): void;
  /** After every reply: brings caches back under their budgets, and writes how things stand, in the order of `gauges`. */
  tend?(gauges: Float64Array): void;
  /** Everything goes to the device now. */
  sync?(): void;
  /** The mount was given other options: those that can change take effect, and "ro" makes all durable first. */
  remounted?(options: readonly string[]): void;
  /** A sign of life for whoever else could use the device. */
  beat?(): void;
  /** Requests that were answered DEFERRED. */
  readonly deferred?: DeferredRequests;
  /** Requests that wait for what the kernel caches. */
  readonly writebacks?: WritebackRequests;
  /** What requests wait for that were answered UNREAD: its end interrupts the thread's wait for requests. */
  readonly reads?: { readonly isUnderWay: boolean } | undefined;
  /** What the kernel has to ask for again. */
  readonly staleAttributes?: StaleNodes | undefined;
  /** Nodes that the kernel had better forget, since each costs something here: a few at a time; undefined: none. */
  unneededNodes?(): readonly number[] | undefined;
  /** Which reads and writes that others do for it have failed since it was last asked. */
  takeTransferFailure?(): TransferFailure | undefined;
  /** An operation failed by damage or a failing device: the filesystem may note it, or give up. */
  failed?(error: unknown): void;
  /** No request follows: everything goes to the device, and the descriptors are closed. */
  close(): void;
}

/** Whoever asked for one of these waits until it is answered: with 0 or a negative errno. */
export type DeferredAnswer = (uniqueLow: number, uniqueHigh: number, outcome: number) => void;

/** Requests that wait for something which is done once for all of them, in the background perhaps. */
export interface DeferredRequests {
  /** How many wait for it to be begun. */
  readonly count: number;
  /** Whether it can be begun now, and somebody wants it. */
  readonly isDue: boolean;
  /** Begins it. What waited is answered now, or by `collect`. */
  settle(answer: DeferredAnswer): void;
  /** Whether something is under way. Its end interrupts the thread's wait for requests. */
  readonly isUnderWay: boolean;
  /** Answers those for whom it has ended. */
  collect(answer: DeferredAnswer): void;
  /** No request is handled any more: everyone is answered on return. */
  finish(answer: DeferredAnswer): void;
}

/** Requests that were answered DEFERRED until the kernel has written back, and dropped, what it caches of a range of a file. */
export interface WritebackRequests {
  /** How many wait. */
  readonly count: number;
  /** Names what the kernel has to write back, each range once. @param ask with the bytes of the range, 0 for all up to the end */
  ask(ask: (ticket: number, nodeid: number, offset: number, size: number) => void): void;
  /** What the ticket stands for is written back: puts the request that waited into the buffer. @returns its length, 0 if there is none */
  resume(ticket: number, request: Request): number;
}

/** Nodes whose attributes, as the kernel keeps them, are out of date. */
export interface StaleNodes {
  /** Milliseconds until the kernel is to hear of them; infinite if there are none. */
  readonly dueIn: number;
  /** Names each, once, unless it is too early. */
  tell(notify: (nodeid: number) => void): void;
}

/** What the module of a filesystem exports. */
export interface FilesystemModule {
  /** What it can that not every one can (negotiation.ts). */
  readonly features?: readonly string[];
  /** The walls around what the source leads to, where they were not built before it was known. Called before anything is read. */
  confine?(source: FilesystemSource, confinement: Confinement): Confinement;
  /** @throws FilesystemError, or OptionError for an option that it does not know */
  openFilesystem(source: FilesystemSource, requestJournal: RequestJournal): MountedFilesystem;
}

/** A mount option that the server does not know, or a value that it cannot have. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
  readonly code = 'BAD_OPTION';
}
