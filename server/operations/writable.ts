import type { BlockDevice } from '../device/block-device.js';
import type { JobRunner } from '../device/device-job.js';
import { CorruptionError, DeviceError, InUseError } from '../ext4/errors.js';
import { WritableFilesystem } from '../ext4/writable-filesystem.js';
import type { WritableOptions } from '../ext4/writable-options.js';
import { log } from '../log.js';
import type { DataThreads, FilesystemSource, MountedFilesystem, MountFacts, TransferFailure } from '../session/filesystem.js';
import type { OperationTable } from '../session/handler.js';
import type { Connection } from '../session/negotiation.js';
import { AccessTimes } from './access-times.js';
import { attributeChangeOperations } from './attribute-changes.js';
import { CachedReads } from './cached-reads.js';
import { notingCachedReads } from './direct-writes.js';
import { creationOperations } from './creation.js';
import { DeferredSyncs, logAbort } from './deferred-syncs.js';
import { fileWriteOperations } from './file-writes.js';
import { CACHE_GAUGES, readingOperations, tendCaches, volumeOf } from './reading.js';
import { ioctlChangeOperations, untilShutDown } from './ioctl-changes.js';
import { LookupCounts } from './lookup-counts.js';
import type { MetadataReads } from './metadata-reads.js';
import { parseServerOptions, type ServerOptions } from './options.js';
import { removalOperations } from './removal.js';
import { seekingWhatIsCached } from './seeking.js';
import { setAttributeOperations } from './set-attributes.js';
import { answeringStatfs } from './statfs.js';
import { StaleAttributes } from './stale-attributes.js';
import type { KernelData } from './iomap/kernel-data.js';
import { withWrittenKernelData } from './iomap/operations.js';
import { IOMAP_ROOT_NODEID, KERNEL_DATA_GAUGES, measureKernelData } from './iomap/offer.js';
import { WriteData } from './write-data.js';
import { afterForgetting, projectLimits, type WritableVolume } from './writable-volume.js';
import { tellingWritebackErrors, WritebackErrors } from './writeback-errors.js';
import { WritebackWaits } from './writeback-waits.js';

/**
 * Linux 6.18. Before 6.16 pages that are being written back count as clean at once, since a copy is
 * what the kernel sends: who waits for them waits in vain.
 */
const WRITEBACK_IS_AWAITED = 45;
/** Linux 5.16. */
const ONLY_WRITES_DOUBT_ALL = 35;

/** Called on activation, which is before no thread can be started any more. */
interface ThreadStarts {
  /** For commits while others are served. */
  readonly jobs?: () => JobRunner | undefined;
  /** For READs and WRITEs. */
  readonly data?: FilesystemSource['startDataThreads'] | undefined;
  /** For metadata. */
  readonly metadata?: (data: DataThreads | undefined) => MetadataReads | undefined;
}

/**
 * A filesystem mounted for writing. The device is not touched before the mount exists: only then is
 * it certain that nobody else has it.
 */
export class MountedWritableExt4 implements MountedFilesystem {
  readonly facts: MountFacts;
  readonly gauges: readonly string[];
  readonly iomap: KernelData | undefined;
  readonly syncMilliseconds: number;
  readonly heartbeatMilliseconds?: number;
  readonly deferred = new DeferredSyncs(() => this.#active().writable);
  readonly staleAttributes = new StaleAttributes();
  readonly writebacks = new WritebackWaits();
  readonly #writebackErrors = new WritebackErrors();
  readonly #device: BlockDevice;
  readonly #writableOptions: WritableOptions;
  readonly #options: ServerOptions;
  readonly #threads: ThreadStarts;
  #dataThreads: DataThreads | undefined;
  reads: MetadataReads | undefined;
  #jobs: JobRunner | undefined;
  #volume: WritableVolume | undefined;

  constructor(device: BlockDevice, facts: MountFacts, writableOptions: WritableOptions, options: ServerOptions, iomap?: KernelData, threads: ThreadStarts = {}) {
    this.facts = facts;
    this.iomap = iomap;
    this.gauges = iomap === undefined ? CACHE_GAUGES : [...CACHE_GAUGES, ...KERNEL_DATA_GAUGES];
    this.syncMilliseconds = options.commitMilliseconds;
    if (writableOptions.protection !== undefined) this.heartbeatMilliseconds = writableOptions.protection.updateMilliseconds;
    this.#device = device;
    this.#writableOptions = writableOptions;
    this.#options = options;
    this.#threads = threads;
  }

  activate(): void {
    const jobs = this.#threads.jobs?.();
    this.#jobs = jobs;
    const writable = WritableFilesystem.open(this.#device, { ...this.#writableOptions, ...(jobs !== undefined && { jobs }) });
    const dataThreads = this.#threads.data?.();
    const metadataReads = this.#threads.metadata?.(dataThreads);
    this.#dataThreads = dataThreads;
    this.reads = metadataReads;
    const device = this.#device;
    if (dataThreads !== undefined) writable.freed = (position, length) => dataThreads.awaitOthers(device.placeOf?.(position, length) ?? position, length);
    this.#volume = {
      ...volumeOf(writable.filesystem, this.#options, { dataThreads, metadataReads }, this.iomap === undefined ? undefined : IOMAP_ROOT_NODEID),
      writable,
      lookups: new LookupCounts(),
      space: () => writable.counters.totals,
      syncs: this.deferred,
      staleAttributes: this.staleAttributes,
      writebacks: this.writebacks,
      writebackErrors: this.#writebackErrors,
      cachedReads: new CachedReads(),
      accessTimes: new AccessTimes(writable, this.#options.accessTimes),
      writeData: dataThreads?.writes && new WriteData(device, dataThreads.writes),
    };
  }

  get operations(): OperationTable {
    const volume = this.#active();
    const reading = readingOperations(volume);
    const table: OperationTable = {
      ...reading,
      ...(reading.GETATTR && { GETATTR: tellingWritebackErrors(volume, reading.GETATTR) }),
      ...(reading.READ && { READ: notingCachedReads(volume, reading.READ) }),
      LSEEK: seekingWhatIsCached(volume),
      STATFS: afterForgetting(volume, answeringStatfs(volume, (nodeid) => projectLimits(volume, nodeid))),
      ...creationOperations(volume),
      ...removalOperations(volume),
      ...setAttributeOperations(volume),
      ...fileWriteOperations(volume),
      ...attributeChangeOperations(volume),
      ...(reading.IOCTL && ioctlChangeOperations(volume, reading.IOCTL)),
    };
    return untilShutDown(volume, this.iomap === undefined ? table : withWrittenKernelData(volume, this.iomap, table));
  }

  connected({ minor }: Connection): void {
    this.writebacks.possible = minor >= WRITEBACK_IS_AWAITED;
    this.#writebackErrors.possible = minor >= ONLY_WRITES_DOUBT_ALL;
  }

  tend(gauges: Float64Array): void {
    tendCaches(this.#active().filesystem, gauges);
    if (this.iomap !== undefined) measureKernelData(this.iomap, gauges, CACHE_GAUGES.length);
  }

  /** A mount that has become read-only is not written any more, not even to note that it was read. */
  remounted(options: readonly string[]): void {
    const { accessTimes } = parseServerOptions(options.filter((word) => word !== 'ro'));
    const readOnly = options.includes('ro');
    this.#active().accessTimes.options = readOnly ? { ...accessTimes, update: 'never' } : accessTimes;
    if (readOnly) this.#commit();
  }

  /** Begins with it as soon as nothing else is under way. */
  sync(): void {
    if (this.#canCommit) this.deferred.want();
  }

  get #canCommit(): boolean {
    return this.#active().writable.transactions.aborted === undefined && this.iomap?.isFrozen !== true;
  }

  /** What cannot be written is told once; every later change is refused then. */
  #commit(): void {
    if (!this.#canCommit) return;
    try {
      this.#active().writable.commit();
    } catch (error) {
      logAbort(error);
    }
  }

  /** Losing the filesystem to another machine ends all changes here. */
  beat(): void {
    if (this.iomap?.isFrozen === true) return;
    const { writable } = this.#active();
    try {
      writable.beat();
    } catch (error) {
      const consequence = error instanceof InUseError ? 'nothing can be changed any more' : 'other machines may take it for unmounted';
      log('error', `multi-mount protection: ${(error as Error).message}: ${consequence}`);
    }
  }

  takeTransferFailure(): TransferFailure | undefined {
    return this.#dataThreads?.takeFailure();
  }

  /** Damage is noted in the superblock, and `errors=` decides what becomes of the mount. */
  failed(error: unknown): void {
    if (!(error instanceof CorruptionError || error instanceof DeviceError)) return;
    const { writable } = this.#active();
    if (writable.transactions.aborted !== undefined) return;
    writable.superblock.recordError(error);
    const policy = this.#options.errors ?? writable.filesystem.superblock.errorPolicy;
    if (policy === 'continue') return;
    if (policy === 'panic') {
      this.#volume = undefined;
      throw new Error(`errors=panic: ${error.message}`);
    }
    this.#commit();
    writable.transactions.shutDown(error);
    log('error', 'nothing can be changed any more (errors=remount-ro)');
  }

  close(): void {
    this.reads?.close();
    this.#dataThreads?.stop();
    try {
      if (this.#volume !== undefined) {
        this.#volume.writable.close();
        return;
      }
      this.#writableOptions.protection?.release();
      this.#device.close();
    } finally {
      this.#jobs?.close();
    }
  }

  #active(): WritableVolume {
    if (this.#volume === undefined) throw new Error('the filesystem is not active yet');
    return this.#volume;
  }
}
