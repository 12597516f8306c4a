import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs';
import { errorText, shim } from '../native/shim.js';
import { MountError } from './errors.js';
import { FilesystemContext } from './filesystem-context.js';

const FUSE_DEVICE = '/dev/fuse';

export function openFuse(): number {
  try {
    return openSync(FUSE_DEVICE, constants.O_RDWR);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT') {
      throw new MountError('NO_FUSE', `${FUSE_DEVICE} does not exist`, 'load the module (modprobe fuse), or give the container the device (--device /dev/fuse)');
    }
    if (code === 'ENODEV' || code === 'ENXIO') throw new MountError('NO_FUSE', 'this kernel has no FUSE', 'load the module: modprobe fuse');
    throw new MountError('NO_FUSE', `cannot open ${FUSE_DEVICE}: ${String(code)}`, 'a container needs the device permitted (--device /dev/fuse)');
  }
}

/** Further channels of a mounted /dev/fuse, for threads of the server; fewer than wanted where the kernel runs out. */
export function cloneFuse(mounted: number, wanted: number): number[] {
  const clones: number[] = [];
  while (clones.length < wanted) {
    let clone: number;
    try {
      clone = openFuse();
    } catch {
      break;
    }
    const result = shim.fuseClone(clone, mounted);
    if (result < 0) {
      closeSync(clone);
      break;
    }
    clones.push(clone);
  }
  return clones;
}

interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/**
 * Ends the connection behind a mount, so that nothing waits any longer for a server that does not
 * answer. Best effort: it matters only for fuseblk, whose unmount asks the server once more.
 */
export function abortConnection(device: DeviceNumber): void {
  withConnection(device, (directory) => {
    const abort = openSync(`${directory}/abort`, constants.O_WRONLY);
    writeSync(abort, '1');
    closeSync(abort);
  });
}

/** Whether the filesystem is still mounted in any mount namespace. Undefined if that cannot be found out. */
export const connectionExists = (device: DeviceNumber): boolean | undefined =>
  withConnection(device, (directory) => existsSync(directory));

/** Through a detached fusectl, whether or not one is mounted in /sys. */
function withConnection<Result>({ major, minor }: DeviceNumber, act: (directory: string) => Result): Result | undefined {
  let mount: number | undefined;
  try {
    const context = FilesystemContext.open('fusectl');
    if (context === undefined) return undefined;
    try {
      mount = context.create(0);
    } finally {
      context.close();
    }
    // The name is the kernel's own encoding of the device number.
    return act(`/proc/self/fd/${mount}/${major * 2 ** 20 + minor}`);
  } catch {
    return undefined;
  } finally {
    if (mount !== undefined) closeSync(mount);
  }
}

/** "major:minor" of the filesystem behind a descriptor, without asking the filesystem. */
export function deviceNumber(descriptor: number): DeviceNumber {
  const number = shim.deviceNumber(descriptor);
  if (number < 0) throw new MountError('MOUNT_REFUSED', `cannot find out the device number of the mount: ${errorText(number)}`);
  return { major: Math.floor(number / 2 ** 20), minor: number % 2 ** 20 };
}
