import { attachLoop, detachLoop } from './loop-mount.js';

/** What fuse4fs is given to mount an image: the file itself, or a device. */
export interface MountSource {
  readonly path: string;
  /** Words for `fuse4fs` that mount it. */
  words(target: string, options: readonly string[]): string[];
  /** When the mount is gone and its server has ended. */
  release(): void;
}

/**
 * For runs in the test kernel (FUSE4FS_TEST_IOMAP=on): mounts have to use iomap, which is for block devices only, so
 * that images are mounted through a loop device.
 */
export const mountsForIomap = process.env['FUSE4FS_TEST_IOMAP'] === 'on';

const FOR_IOMAP = ['iomap=on'];

const wordsFor = (path: string, more: readonly string[]) => (target: string, options: readonly string[]): string[] => {
  const all = [...options, ...more];
  return [path, target, ...(all.length > 0 ? ['-o', all.join(',')] : [])];
};

export function mountSource(image: string): MountSource {
  if (!mountsForIomap) return { path: image, words: wordsFor(image, []), release: () => undefined };
  if (image.startsWith('/dev/')) return { path: image, words: wordsFor(image, FOR_IOMAP), release: () => undefined };
  const device = attachLoop(image);
  return { path: device, words: wordsFor(device, FOR_IOMAP), release: () => detachLoop(image, device) };
}
