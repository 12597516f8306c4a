import { errno, isLackOfRoom, OperationError } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import type { QuotaReport } from '../ext4/quota/quota.js';
import type { WritableFilesystem } from '../ext4/writable-filesystem.js';
import { POSTPONED, type Handler } from '../session/handler.js';
import type { Request } from '../session/request.js';
import type { AccessTimes } from './access-times.js';
import type { CachedReads } from './cached-reads.js';
import type { DeferredSyncs } from './deferred-syncs.js';
import type { LookupCounts } from './lookup-counts.js';
import type { StaleAttributes } from './stale-attributes.js';
import type { Volume } from './volume.js';
import type { WriteData } from './write-data.js';
import type { WritebackErrors } from './writeback-errors.js';
import type { WritebackWaits } from './writeback-waits.js';

/** What the operations that change a filesystem work on. */
export interface WritableVolume extends Volume {
  readonly writable: WritableFilesystem;
  readonly lookups: LookupCounts;
  readonly syncs: DeferredSyncs;
  readonly staleAttributes: StaleAttributes;
  readonly writebacks: WritebackWaits;
  readonly writebackErrors: WritebackErrors;
  readonly cachedReads: CachedReads;
  readonly accessTimes: AccessTimes;
  /** Undefined where the filesystem thread writes all data itself. */
  readonly writeData: WriteData | undefined;
}

/**
 * A handler whose changes are one handle: what it throws, or a negative errno that it returns, leaves
 * no trace. Where it finds no room, it is tried again after the kernel has forgotten what was unlinked:
 * it does so before the caller of unlink(2) is back, but what it says may be read later than what
 * that caller asks next.
 */
export const changing = (volume: WritableVolume, handler: Handler): Handler =>
  findingRoom(volume, (request, reply) => change(volume, request, () => handler(request, reply)));

/** Does something for whoever sent the request, in a handle of its own. @param operation returns a negative errno, or what is returned */
export function change(volume: WritableVolume, { uid, gid }: Request, operation: () => number): number {
  const { writable } = volume;
  writable.space.callerIsPrivileged = ownsReserve(volume, uid, gid);
  return writable.change(() => {
    const outcome = operation();
    if (outcome < 0) throw new OperationError(-outcome, 'refused');
    return outcome;
  }, uid !== ROOT_USER);
}

/** A handler that sees to its own changes, tried again where it finds no room: see `changing`. */
export function findingRoom({ writable: { orphans } }: WritableVolume, handler: Handler): Handler {
  return (request, reply) => {
    try {
      return handler(request, reply);
    } catch (error) {
      if (!request.isRepeated && !orphans.isEmpty && isLackOfRoom(error)) return POSTPONED;
      throw error;
    }
  };
}

/** What is free includes what was unlinked, as soon as unlink(2) is back. */
export function afterForgetting({ writable }: WritableVolume, handler: Handler): Handler {
  return (request, reply) => (request.isRepeated || writable.orphans.isEmpty ? handler(request, reply) : POSTPONED);
}

/** Quota limits do not hold for root. */
export const ROOT_USER = 0;

/** In requests of a connection that can be idmapped. */
export const UNKNOWN_USER = 0xffffffff;

/**
 * Root may use the reserved blocks, and the user and the group that they are reserved for; of a caller's
 * groups only the first is known. Who writes is mostly not said: then that user's and that group's files
 * may grow into them, as the files of daemons do.
 */
export function isPrivileged(volume: WritableVolume, uid: number, gid: number, inode: Inode): boolean {
  return uid === UNKNOWN_USER ? ownsReserve(volume, inode.uid, inode.gid) : ownsReserve(volume, uid, gid);
}

function ownsReserve({ options, filesystem }: WritableVolume, uid: number, gid: number): boolean {
  const { reservedUid = filesystem.superblock.reservedUid, reservedGid = filesystem.superblock.reservedGid } = options;
  return uid === 0 || uid === reservedUid || (reservedGid !== 0 && gid === reservedGid);
}

/** ext4's own refusals, which the kernel leaves to a FUSE server: it knows nothing of inode flags. */
export const isImmutable = (inode: Inode): boolean => inode.hasFlag('IMMUTABLE');
export const isAppendOnly = (inode: Inode): boolean => inode.hasFlag('APPEND');

/** Who has not the key of a file cannot change its contents; nor can anyone whose hashes are sealed in a tree. @returns 0 or a negative errno */
export function refusedContents(inode: Inode): number {
  if (inode.hasFlag('ENCRYPT')) return -errno.ENOKEY;
  return inode.hasFlag('VERITY') ? -errno.EPERM : 0;
}

/** Of the project that a directory hands on, if its limits are enforced. */
export function projectLimits({ writable, nodes }: WritableVolume, nodeid: number): QuotaReport | undefined {
  const quota = writable.quotas?.project;
  if (quota?.isEnforced !== true) return undefined;
  const inode = nodes.get(nodeid);
  return inode.hasFlag('PROJINHERIT') ? quota.report(inode.projectId) : undefined;
}
