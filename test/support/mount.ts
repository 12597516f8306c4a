import { mkdirSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { attempt, run } from './command.js';
import { mountByLoop, unmountLoop } from './loop-mount.js';
import { mountSource } from './mount-source.js';
import { projectRoot } from './native.js';
import { released } from './released.js';

const isMounted = (target: string): boolean =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === target);

/** A mount point beside the image, removed afterwards; whatever happens, nothing stays mounted. */
async function withMount<Result>(
  image: string,
  mount: (target: string) => Promise<void>,
  unmount: (target: string) => Promise<void>,
  use: (target: string) => Promise<Result>,
): Promise<Result> {
  const beside = image.startsWith('/dev/') ? join(projectRoot, 'build') : dirname(image);
  mkdirSync(beside, { recursive: true });
  const target = mkdtempSync(join(beside, 'mnt-'));
  try {
    await mount(target);
    const result = await use(target);
    await unmount(target);
    return result;
  } finally {
    if (isMounted(target)) await attempt('umount', ['-l', target]);
    rmdirSync(target);
  }
}

/** Mounts with the kernel's own driver: the oracle. Block devices as they are, image files through a loop device. */
export function kernelMount<Result>(
  image: string,
  options: readonly string[],
  use: (target: string) => Promise<Result>,
): Promise<Result> {
  return withMount(
    image,
    async (target) => {
      if (image.startsWith('/dev/')) await run('mount', ['-t', 'ext4', '-o', ['rw', ...options].join(','), image, target]);
      else mountByLoop(image, target, options);
    },
    async (target) => {
      if (image.startsWith('/dev/')) await run('umount', [target]);
      else unmountLoop(image, target);
    },
    use,
  );
}

/** The command under test, as a user would call it. */
export const fuse4fs = join(projectRoot, 'dist', 'cli', 'fuse4fs.cjs');

/** Unmounts, and mounts again in the same way. */
type Remount = () => Promise<void>;

/** Mounts through the command line, the helper and the server. */
export function fuseMount<Result>(
  image: string,
  options: readonly string[],
  use: (target: string, remount: Remount) => Promise<Result>,
): Promise<Result> {
  const source = mountSource(image);
  const mount = async (target: string): Promise<void> => void (await run(process.execPath, [fuse4fs, ...source.words(target, options)]));
  const unmount = async (target: string): Promise<void> => {
    await run(process.execPath, [fuse4fs, 'umount', target]);
    await released(source.path);
  };
  return withMount(image, mount, unmount, (target) =>
    use(target, async () => {
      await unmount(target);
      await mount(target);
    }),
  ).finally(() => source.release());
}

/** Undefined where the kernel's driver mounts the image, else its reason. */
export async function kernelRefusal(image: string): Promise<string | undefined> {
  try {
    await kernelMount(image, ['ro'], () => Promise.resolve());
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
