/** ext2, ext3 and ext4 for the session: opens the filesystem on a descriptor, and answers for it. */
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { discardRange } from '../device/discard.js';
import { DescriptorDevice } from '../device/descriptor-device.js';
import type { BlockDevice } from '../device/block-device.js';
import { ThreadedJobs } from '../device/threaded-jobs.js';
import { NotExt4Error } from '../ext4/errors.js';
import { Filesystem, type OpenOptions } from '../ext4/filesystem.js';
import { GOOD_OLD_INODE_SIZE } from '../ext4/layout/inode.js';
import { uuidString } from '../ext4/layout/read.js';
import { parseSuperblock, State, SUPERBLOCK_SIZE, type Superblock } from '../ext4/layout/superblock.js';
import { MultiMountProtection } from '../ext4/multi-mount-protection.js';
import { needsRecovery } from '../ext4/recovery/recovered-filesystem.js';
import type { WritableOptions } from '../ext4/writable-options.js';
import { log } from '../log.js';
import { serverShim } from '../native/shim.js';
import { OptionError, type FilesystemSource, type MountedFilesystem, type MountFacts, type TransferFailure, type RequestJournal } from '../session/filesystem.js';
import type { OperationTable } from '../session/handler.js';
import { parseServerOptions, type ServerOptions } from './options.js';
import { damageOf } from './damage.js';
import type { KernelData } from './iomap/kernel-data.js';
import { IOMAP_ROOT_NODEID, KERNEL_DATA_GAUGES, measureKernelData, offerKernelData } from './iomap/offer.js';
import { withKernelData } from './iomap/operations.js';
import { MetadataReads } from './metadata-reads.js';
import type { Volume, VolumeThreads } from './volume.js';
import { CACHE_GAUGES, readingOperations, tendCaches, volumeOf } from './reading.js';
import { kernelTime } from './kernel-time.js';
import { MountedWritableExt4 } from './writable.js';

const SUPERBLOCK_UNIT = 1024;
const NANOSECONDS_PER_SECOND = 1e9;
/** In seconds: the helper waits for its mount plan for two minutes. */
const MOST_PATIENCE = 110;

/** @throws FilesystemError, OptionError */
export function openFilesystem(source: FilesystemSource, requestJournal: RequestJournal): MountedFilesystem {
  const options = parseServerOptions(source.options);
  const { zeroBlocks: zeroRange, writeOut, readNow, dropCached, keepOutOfDumps: keepSecret } = serverShim;
  const shimmed = { discardRange: discardRange(source.descriptor), zeroRange, writeOut, readNow, dropCached, keepSecret };
  const device = new DescriptorDevice({ ...source, fd: source.descriptor, readOnly: !source.writable, ...shimmed });
  const stored = storedSuperblock(device, options);
  if (options.enforcedQuotas.project === true && !stored.features.hasRoCompat('PROJECT')) {
    throw new OptionError('option "prjquota" needs a filesystem with the feature project');
  }
  const journalDevice = needsJournalDevice(source, options, stored) ? externalJournal(source, stored, requestJournal) : undefined;
  const openOptions: OpenOptions = {
    noJournalRecovery: !options.recoverJournal,
    report: (problem) => log('warning', problem.message),
    ...(options.superblock !== undefined && { superblockLocation: options.superblock }),
    ...(options.cacheBytes !== undefined && { cacheBytes: options.cacheBytes }),
    ...(journalDevice !== undefined && { journalDevice }),
  };
  const damage = options.damaged === 'ro' && source.writable && options.recoverJournal ? damageOf(device, stored, openOptions) : undefined;
  if (damage !== undefined) {
    const asItIs = { source: { ...source, writable: false }, options: { ...options, recoverJournal: !damage.withoutJournal } };
    const said = [`mounted read-only, because ${damage.because}: run e2fsck on it`, ...warnings(asItIs.source, asItIs.options, stored)];
    return openForReading(asItIs.source, device, { ...openOptions, noJournalRecovery: damage.withoutJournal }, asItIs.options, stored, said);
  }
  // Without its journal the filesystem may be inconsistent: good enough to look at.
  if (!source.writable || !options.recoverJournal || stored.features.unwritable.length > 0) {
    return openForReading(source, device, openOptions, options, stored, warnings(source, options, stored));
  }
  const unrecovered = Filesystem.open(device, { ...openOptions, noJournalRecovery: true });
  if (options.data === 'journal' && !stored.features.hasCompat('HAS_JOURNAL')) throw new OptionError('option "data=journal" needs a filesystem with a journal');
  const iomap = offerKernelData(source, device, stored, options, false);
  const facts = describe(unrecovered, false, warnings(source, options, stored), iomap);
  const protection = stored.features.hasIncompat('MMP')
    ? MultiMountProtection.acquire(device, stored, { holder: { nodeName: hostname(), deviceName: basename(source.name) }, mostPatience: MOST_PATIENCE })
    : undefined;
  const writableOptions: WritableOptions = {
    // The kernel's own clock: what it stamps in its cache and what is stamped here keep their order.
    time: kernelTime,
    ...openOptions,
    ...(protection && { protection }),
    barriers: options.barriers,
    discard: options.discard,
    acl: options.acl,
    enforcedQuotas: options.enforcedQuotas,
    mountPoint: source.target,
    ...(options.data !== undefined && { data: options.data }),
  };
  return new MountedWritableExt4(device, facts, writableOptions, options, iomap, { jobs: () => ThreadedJobs.start(device), data: source.startDataThreads, metadata: (data) => MetadataReads.start(device, data) });
}

function openForReading(source: FilesystemSource, device: DescriptorDevice, openOptions: OpenOptions, options: ServerOptions, stored: Superblock, said: readonly string[]): MountedFilesystem {
  const filesystem = Filesystem.open(device, openOptions);
  const iomap = offerKernelData(source, device, stored, options, options.recoverJournal && needsRecovery(stored));
  const dataThreads = source.startDataThreads?.();
  const volume = volumeOf(filesystem, options, { dataThreads, metadataReads: MetadataReads.start(device, dataThreads) }, iomap && IOMAP_ROOT_NODEID);
  return new MountedExt4(volume, describe(filesystem, true, said, iomap), iomap);
}

class MountedExt4 implements MountedFilesystem {
  readonly facts: MountFacts;
  readonly operations: OperationTable;
  readonly gauges: readonly string[];
  readonly iomap: KernelData | undefined;
  readonly #filesystem: Filesystem;
  readonly #threads: VolumeThreads;

  constructor(volume: Volume, facts: MountFacts, iomap: KernelData | undefined) {
    this.facts = facts;
    this.iomap = iomap;
    this.gauges = iomap === undefined ? CACHE_GAUGES : [...CACHE_GAUGES, ...KERNEL_DATA_GAUGES];
    this.#filesystem = volume.filesystem;
    this.#threads = volume;
    const table = readingOperations(volume);
    this.operations = iomap === undefined ? table : withKernelData(volume, iomap, table);
  }

  get reads(): MetadataReads | undefined {
    return this.#threads.metadataReads;
  }

  tend(gauges: Float64Array): void {
    tendCaches(this.#filesystem, gauges);
    if (this.iomap !== undefined) measureKernelData(this.iomap, gauges, CACHE_GAUGES.length);
  }

  takeTransferFailure(): TransferFailure | undefined {
    return this.#threads.dataThreads?.takeFailure();
  }

  close(): void {
    this.#threads.metadataReads?.close();
    this.#threads.dataThreads?.stop();
    this.#filesystem.close();
  }
}

/** Whether the journal is on a device of its own, and has to be looked at. */
function needsJournalDevice({ writable }: FilesystemSource, { recoverJournal }: ServerOptions, stored: Superblock): boolean {
  if (!stored.features.hasCompat('HAS_JOURNAL') || stored.journalInode !== 0) return false;
  return writable || (recoverJournal && needsRecovery(stored));
}

/** The superblock as it lies on the device, the journal not replayed. */
function storedSuperblock(device: BlockDevice, { superblock = 1 }: ServerOptions): Superblock {
  const place = superblock * SUPERBLOCK_UNIT;
  if (place + SUPERBLOCK_SIZE > device.size) throw new NotExt4Error(`there is no superblock at byte ${place}: the device has ${device.size} bytes`);
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  device.read(bytes, 0, SUPERBLOCK_SIZE, place);
  return parseSuperblock(bytes, place);
}

function externalJournal({ writable }: FilesystemSource, { journalUuid, journalDevice }: Superblock, requestJournal: RequestJournal): BlockDevice {
  const { descriptor, size, name } = requestJournal(uuidString(journalUuid), journalDevice);
  return new DescriptorDevice({ fd: descriptor, size, readOnly: !writable, name });
}

function describe({ superblock, root }: Filesystem, readOnly: boolean, warnings: readonly string[], iomap: KernelData | undefined): MountFacts {
  return {
    blockSize: superblock.blockSize,
    rootMode: root.mode,
    readOnly,
    // Old inodes have no room for fractions of a second.
    timeGranularity: superblock.inodeSize > GOOD_OLD_INODE_SIZE ? 1 : NANOSECONDS_PER_SECOND,
    kernelOptions: iomap === undefined ? [] : [`root_nodeid=${IOMAP_ROOT_NODEID}`],
    label: superblock.label,
    uuid: uuidString(superblock.uuid),
    warnings,
  };
}

/** What the user should know, once. */
function warnings(source: FilesystemSource, { recoverJournal }: ServerOptions, stored: Superblock): string[] {
  const all: string[] = [];
  const { unwritable } = stored.features;
  if (source.writable && unwritable.length > 0) all.push(`mounted read-only, because of features that cannot be written: ${unwritable.join(', ')}`);
  if (needsRecovery(stored) && (!source.writable || unwritable.length > 0)) {
    all.push(recoverJournal ? 'the journal was recovered in memory only: the device is unchanged' : 'the journal needs recovery and was left alone: files may be inconsistent');
  }
  if ((stored.state & State.ERRORS) !== 0) all.push('the filesystem is marked as damaged: run e2fsck on it');
  return all;
}
