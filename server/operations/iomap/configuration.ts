import { configOffer, writeIomapConfig, type IomapConfig } from '../../../protocol/fuse/iomap-config.js';
import { errno } from '../../ext4/errors.js';
import type { Filesystem } from '../../ext4/filesystem.js';
import { GOOD_OLD_INODE_SIZE } from '../../ext4/layout/inode.js';
import { log } from '../../log.js';
import type { Handler } from '../../session/handler.js';
import type { KernelData } from './kernel-data.js';

const NANOSECONDS_PER_SECOND = 1e9;
/** Of signed seconds in 32 bits, and with two bits more. */
const EARLIEST = -(2 ** 31);
const LATEST_OF_OLD_INODES = 2 ** 31 - 1;
const LATEST = 2 ** 34 - 2 ** 31 - 1;

/**
 * IOMAP_CONFIG: the kernel is given the device, and told what it would have to ask an ext4 of its own. Not how
 * large a file may be, which BEGIN and SETATTR know: positions in directories are hashes, and the kernel would
 * take the largest size for the last of them.
 *
 * @param isRequired the mount ends where the kernel does not take the device; otherwise all data goes
 *                   through the server then
 */
export function configOperation({ superblock }: Filesystem, data: KernelData, isRequired: boolean, configured: () => void): Handler {
  const isOld = superblock.inodeSize <= GOOD_OLD_INODE_SIZE;
  const config: IomapConfig = {
    uuid: superblock.uuid,
    blockSize: superblock.blockSize,
    time: { granularity: isOld ? NANOSECONDS_PER_SECOND : 1, earliest: EARLIEST, latest: isOld ? LATEST_OF_OLD_INODES : LATEST },
  };
  return ({ view, bodyOffset }, reply) => {
    if (data.isConfigured) return -errno.EINVAL;
    data.isConfigured = true;
    const device = data.channel.openBacking(data.descriptor);
    // Metadata and data must not share a page of the device's cache that is written as a whole.
    const result = device < 0 ? device : data.channel.setBlockSize(device, superblock.blockSize);
    if (result < 0) {
      log('error', `iomap: the kernel does not take the device: errno ${-result}`);
      return isRequired ? result : -errno.ENOSYS;
    }
    data.device = device;
    data.channel.avoidRecursion();
    configured();
    return writeIomapConfig(reply.view, reply.body, config, configOffer(view, bodyOffset));
  };
}
