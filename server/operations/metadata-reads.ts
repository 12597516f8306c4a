import type { DescriptorDevice } from '../device/descriptor-device.js';
import { Fetching, type FetchEnd } from '../device/fetching.js';
import { BEGUN_READING, type BlockCache, type DeviceWaits } from '../ext4/cache/block-cache.js';
import type { DataThreads } from '../session/filesystem.js';
import { UNREAD, type Handler, type OperationTable } from '../session/handler.js';
import type { Request } from '../session/request.js';

/** The second one is for what a device cannot read, or takes its time for, while it does other things. */
const FETCHINGS = 2;

/** So often who lacks something else comes back, before that is waited for, too. */
const MOST_BEHIND = 8;

/** Who comes so often and still finds nothing, since it leaves memory at once, waits for the device. */
const MOST_ATTEMPTS = 1000;

/**
 * Requests that only look something up, on a device that is slow or when others wait: the device begins to read what one
 * lacks, the thread goes on with the others, and handles that one from its beginning again when the device has read. So it
 * reads for several callers at once, and nobody waits for what another one wants.
 */
export class MetadataReads implements DeviceWaits {
  readonly #fetchings: readonly Fetching[];
  readonly #threads: DataThreads;
  readonly #unreadable = new Set<number>();
  #request: Request | undefined;

  private constructor(fetchings: readonly Fetching[], threads: DataThreads) {
    this.#fetchings = fetchings;
    this.#threads = threads;
  }

  /** @param threads which know how quick the device is; undefined: nobody does */
  static start(device: DescriptorDevice, threads: DataThreads | undefined): MetadataReads | undefined {
    if (threads === undefined) return undefined;
    const fetchings = Array.from({ length: FETCHINGS }, () => Fetching.start(device)).filter((fetching) => fetching !== undefined);
    return fetchings.length === 0 ? undefined : new MetadataReads(fetchings, threads);
  }

  /** Whether the device has yet to read what was wanted first. The end of that interrupts the wait for requests. */
  get isUnderWay(): boolean {
    return this.#fetchings.some((fetching) => fetching.isUnderWay);
  }

  get areAvoided(): boolean {
    const request = this.#request;
    return request !== undefined && request.attempts < MOST_ATTEMPTS && (!this.#threads.isQuick || request.othersWait());
  }

  leave(position: number, length: number): boolean {
    this.#fetchings.forEach((fetching) => void this.#learn(fetching.takeEnded()));
    // Who reads it himself hears why.
    if (this.#unreadable.delete(position)) return false;
    if (this.#fetchings.some((fetching) => fetching.isAt(position))) return true;
    if (this.isUnderWay && (this.#request?.attempts ?? 0) < MOST_BEHIND) return true;
    return this.#fetchings.find((fetching) => !fetching.isUnderWay)?.begin(position, length) ?? true;
  }

  #learn(end: FetchEnd | undefined): void {
    if (end === undefined) return;
    this.waited(end.milliseconds);
    if (end.unreadable !== undefined) this.#unreadable.add(end.unreadable);
  }

  waited(milliseconds: number): void {
    this.#threads.waited(milliseconds);
  }

  /** The same operations, of which each can be left where the cache lacks a block. */
  leaving(cache: BlockCache, table: OperationTable): OperationTable {
    const leaving =
      (handler: Handler): Handler =>
      (request, reply) => {
        this.#request = request;
        cache.waits = this;
        try {
          return handler(request, reply);
        } catch (error) {
          if (error === BEGUN_READING) return UNREAD;
          throw error;
        } finally {
          cache.waits = undefined;
        }
      };
    return Object.fromEntries(Object.entries(table).map(([opcode, handler]) => [opcode, leaving(handler)]));
  }

  close(): void {
    this.#fetchings.forEach((fetching) => void fetching.close());
  }
}
