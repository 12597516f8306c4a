import type { BlockDevice } from '../../device/block-device.js';
import type { Superblock } from '../../ext4/layout/superblock.js';
import { defaultDataMode } from '../../ext4/writable-options.js';
import { OptionError, type FilesystemSource } from '../../session/filesystem.js';
import type { ServerOptions } from '../options.js';
import { KernelData } from './kernel-data.js';

/** The kernel's page: a larger block is not for every kernel that has the extension. */
const LARGEST_BLOCK = 4096;

/** Every inode is called by its own number, the root directory too. */
export const IOMAP_ROOT_NODEID = 2;

export const KERNEL_DATA_GAUGES = ['iomapMappings', 'iomapUpserts', 'iomapInvalidations', 'iomapCompletions'] as const;

/** In the order of KERNEL_DATA_GAUGES, from `first` on. */
export function measureKernelData({ counters }: KernelData, gauges: Float64Array, first: number): void {
  gauges[first] = counters.mappings;
  gauges[first + 1] = counters.upserts;
  gauges[first + 2] = counters.invalidations;
  gauges[first + 3] = counters.completions;
}

/**
 * Whether the kernel can be left the data of this mount.
 * @param recoversInMemory what the device holds is not what the filesystem is
 * @returns undefined where it cannot, or is not to
 * @throws OptionError where it cannot, and has to
 */
export function offerKernelData(source: FilesystemSource, device: BlockDevice, stored: Superblock, options: ServerOptions, recoversInMemory: boolean): KernelData | undefined {
  if (options.iomap === 'off') return undefined;
  const { iomap: channel, descriptor, offset } = source;
  const { blockSize } = stored;
  const obstacle = obstacleTo(source, stored, options, recoversInMemory);
  if (obstacle === undefined && channel !== undefined) {
    // Files that get blocks of their own later would change what the kernel has been told of them.
    const untorn = !stored.features.hasIncompat('INLINE_DATA') && channel.writesUntorn(descriptor, blockSize);
    return new KernelData({ channel, profile: options.iomapProfile, descriptor, offset, blockSize, untorn, disk: device });
  }
  if (options.iomap === 'on') throw new OptionError(`option "iomap=on" cannot be honoured: ${obstacle ?? 'the kernel does not offer it'}`);
  return undefined;
}

function obstacleTo({ iomap, kind, offset }: FilesystemSource, stored: Superblock, options: ServerOptions, recoversInMemory: boolean): string | undefined {
  if (iomap === undefined) return 'the kernel does not offer it';
  if (kind !== 'block device') return 'an image file is no block device';
  if (stored.blockSize > LARGEST_BLOCK) return `blocks of ${stored.blockSize} bytes are larger than a page`;
  if (offset % stored.blockSize !== 0) return 'the filesystem does not begin at a multiple of its blocks';
  if (recoversInMemory) return 'the journal is recovered in memory only';
  const hasJournal = stored.features.hasCompat('HAS_JOURNAL');
  if (hasJournal && (options.data ?? defaultDataMode(stored)) === 'journal') return 'all data is journalled';
  return undefined;
}
