import { attachLoop, detachLoop } from './loop-mount.js';

/** What fuse4fs is given to mount an image: the file itself, or a device. */
export interface MountSource {
  readonly path: string;
  readonly options: readonly string[];
  /** When the mount is gone and its server has ended. */
  release(): void;
}

/**
 * For runs in the test kernel (FUSE4FS_TEST_IOMAP=on): mounts have to use iomap, which is for block devices only, so
 * that images are mounted through a loop device.
 */
export const mountsForIomap = process.env['FUSE4FS_TEST_IOMAP'] === 'on';

export function mountSource(image: string): MountSource {
  if (!mountsForIomap) return { path: image, options: [], release: () => undefined };
  const options = ['iomap=on'];
  if (image.startsWith('/dev/')) return { path: image, options, release: () => undefined };
  const device = attachLoop(image);
  return { path: device, options, release: () => detachLoop(image, device) };
}
