import {
  BACKING_OPEN_SIZE, FuseIoctl, IomapSupport, SET_BLOCKSIZE_SIZE, SET_NOFS_SIZE, SUPPORT_SIZE, supportFlags, writeBackingOpen, writeSetBlockSize,
} from '../../protocol/fuse/iomap-ioctls.js';
import { serverShim } from '../native/shim.js';
import type { IomapChannel } from './filesystem.js';

const argument = new Uint8Array(Math.max(BACKING_OPEN_SIZE, SUPPORT_SIZE, SET_BLOCKSIZE_SIZE, SET_NOFS_SIZE));
const view = new DataView(argument.buffer);

/** @returns undefined where the kernel would not let a mount of this /dev/fuse move file data */
export function iomapChannel(fuse: number): IomapChannel | undefined {
  const ioctl = (command: number): number => serverShim.ioctl(fuse, command, argument);
  argument.fill(0);
  if (ioctl(FuseIoctl.IOMAP_SUPPORT) < 0) return undefined;
  const support = supportFlags(view, 0);
  if ((support & IomapSupport.FILE_IO) === 0) return undefined;
  return {
    writesUntorn: (descriptor, length) => {
      const units = new Float64Array(2);
      if ((support & IomapSupport.ATOMIC) === 0 || serverShim.untornWrites(descriptor, units) < 0) return false;
      const [least = 0, most = 0] = units;
      return least > 0 && least <= length && length <= most;
    },
    openBacking: (descriptor) => {
      writeBackingOpen(view, 0, descriptor);
      return ioctl(FuseIoctl.BACKING_OPEN);
    },
    setBlockSize: (device, blockSize) => {
      writeSetBlockSize(view, 0, device, blockSize);
      return ioctl(FuseIoctl.BACKING_SET_BLOCKSIZE);
    },
    avoidRecursion: () => {
      view.setUint32(0, 1, true);
      ioctl(FuseIoctl.SET_NOFS);
    },
    notify: (message, length) => serverShim.writeFrom(fuse, message, 0, length),
  };
}
