import type { Filesystem } from '../ext4/filesystem.js';
import type { OperationTable } from '../session/handler.js';
import { attributeOperations } from './attributes.js';
import { directoryOperations } from './directory.js';
import { extendedAttributeOperations } from './extended-attributes.js';
import { fileDataOperations } from './file-data.js';
import { InodeAttributes } from './inode-attributes.js';
import { ioctlOperations } from './ioctl.js';
import { lookupOperations } from './lookup.js';
import { Nodes } from './nodes.js';
import { noOpenFiles } from './open.js';
import { readOnlyRefusals } from './refusals.js';
import { answeringStatfs } from './statfs.js';
import { symbolicLinkOperations } from './symbolic-link.js';
import type { ServerOptions } from './options.js';
import { spaceInUse, type SpaceInUse } from './space.js';
import type { Volume, VolumeThreads } from './volume.js';

/** What every family of operations works on. @param rootNodeid what the kernel calls the root directory, where that is not 1 */
export function volumeOf(filesystem: Filesystem, options: ServerOptions, { dataThreads, metadataReads }: VolumeThreads, rootNodeid?: number): Volume {
  let space: SpaceInUse | undefined;
  return {
    filesystem,
    directories: filesystem.directories,
    links: filesystem.links,
    nodes: new Nodes(filesystem, rootNodeid),
    attributes: new InodeAttributes(filesystem.superblock.blockSize, filesystem.links),
    options,
    lookups: { add: () => undefined },
    // Nothing changes on a filesystem that is not written.
    space: () => (space ??= spaceInUse(filesystem)),
    accessTimes: { accessed: () => undefined },
    dataThreads,
    metadataReads,
  };
}

/** Everything that only reads; the rest is ENOSYS, or refused. */
export const readingOperations = (volume: Volume): OperationTable => ({
  ...lookingUp(volume),
  ...noOpenFiles,
  STATFS: answeringStatfs(volume),
  ...ioctlOperations(volume),
  ...readOnlyRefusals,
});

/** What can be left and begun anew as often as one likes. */
function lookingUp(volume: Volume): OperationTable {
  const table = {
    ...lookupOperations(volume),
    ...attributeOperations(volume),
    ...symbolicLinkOperations(volume),
    ...fileDataOperations(volume),
    ...directoryOperations(volume),
    ...extendedAttributeOperations(volume),
  };
  return volume.metadataReads?.leaving(volume.filesystem.cache, table) ?? table;
}

export const CACHE_GAUGES = ['residentBytes', 'allocatedBytes', 'hits', 'misses', 'evictions', 'inodes'] as const;

/** Brings the caches back under their budgets, and writes how they stand, in the order of CACHE_GAUGES. */
export function tendCaches(filesystem: Filesystem, gauges: Float64Array): void {
  const { cache, inodes } = filesystem;
  filesystem.trim();
  gauges[0] = cache.residentBytes;
  gauges[1] = cache.allocatedBytes;
  gauges[2] = cache.counters.hits;
  gauges[3] = cache.counters.misses;
  gauges[4] = cache.counters.evictions;
  gauges[5] = inodes.size;
}
