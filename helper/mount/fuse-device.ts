import { closeSync, constants, openSync, statSync, writeSync } from 'node:fs';
import { errorText, shim } from '../native/shim.js';
import { MountError } from './errors.js';
import { FilesystemContext } from './filesystem-context.js';

const FUSE_DEVICE = '/dev/fuse';

/** A new channel to the kernel, which belongs to no mount yet, and is the caller's to close. @throws MountError NO_FUSE */
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

/** What ends the connection behind a mount if "1" is written to it, whatever has been mounted since; undefined if that cannot be had. */
export function openAbort(device: DeviceNumber): number | undefined {
  const control = mountControl();
  if (control === undefined) return undefined;
  try {
    return openSync(`${directoryOf(control, device)}/abort`, constants.O_WRONLY);
  } catch {
    return undefined;
  } finally {
    closeSync(control);
  }
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
  const control = mountControl();
  if (control === undefined) return;
  try {
    const abort = openSync(`${directoryOf(control, device)}/abort`, constants.O_WRONLY);
    writeSync(abort, '1');
    closeSync(abort);
  } catch {
    // It has ended already.
  } finally {
    closeSync(control);
  }
}

/** A connection that is being watched for its end. */
export interface WatchedConnection {
  /** Whether the filesystem is still mounted in any mount namespace. Not fooled by another one that gets its number. */
  exists(): boolean;
  close(): void;
}

/** Undefined if that cannot be found out. */
export function watchConnection(device: DeviceNumber): WatchedConnection | undefined {
  const control = mountControl();
  if (control === undefined) return undefined;
  const directory = directoryOf(control, device);
  // Each connection gets a directory of its own, with an inode of its own as long as this mount is held.
  const inode = (): number | undefined => statSync(directory, { throwIfNoEntry: false })?.ino;
  const watched = inode();
  return { exists: () => watched !== undefined && inode() === watched, close: () => closeSync(control) };
}

/** As WatchedConnection.exists(), of whoever has the number now. */
export function connectionExists(device: DeviceNumber): boolean | undefined {
  const watched = watchConnection(device);
  try {
    return watched?.exists();
  } finally {
    watched?.close();
  }
}

/** The name is the kernel's own encoding of the device number. */
const directoryOf = (control: number, { major, minor }: DeviceNumber): string => `/proc/self/fd/${control}/${major * 2 ** 20 + minor}`;

/** A detached fusectl, whether or not one is mounted in /sys. Undefined where we may not mount it. */
function mountControl(): number | undefined {
  try {
    const context = FilesystemContext.open('fusectl');
    try {
      return context?.create(0);
    } finally {
      context?.close();
    }
  } catch {
    return undefined;
  }
}

/** "major:minor" of the filesystem behind a descriptor, without asking the filesystem. */
export function deviceNumber(descriptor: number): DeviceNumber {
  const number = shim.deviceNumber(descriptor);
  if (number < 0) throw new MountError('MOUNT_REFUSED', `cannot find out the device number of the mount: ${errorText(number)}`);
  return { major: Math.floor(number / 2 ** 20), minor: number % 2 ** 20 };
}
