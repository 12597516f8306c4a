import { constants, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { errorName, errorText, shim } from '../native/shim.js';
import { MountError } from './errors.js';
import { isOurs, readMounts, type MountEntry } from './mountinfo.js';

/** Lock operations of flock(2). */
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Programs that probe new devices hold them for moments, and so does a mount namespace that is just being made. */
const DEVICE_PATIENCE = 3000;
/** After umount(8) has returned, the server of an image may still be finishing. */
const IMAGE_PATIENCE = 10_000;
const INTERVAL = 50;

interface ClaimedDevice {
  readonly descriptor: number;
  readonly name: string;
  readonly device: { readonly major: number; readonly minor: number };
}

/** Opens the device once more, such that no one else can claim it, and the kernel neither. */
export async function claimDevice({ descriptor, name, device }: ClaimedDevice, access: number): Promise<number> {
  const path = `/proc/self/fd/${descriptor}`;
  const number = `${device.major}:${device.minor}`;
  return await patiently(name, DEVICE_PATIENCE, (entry) => entry.device === number || entry.source === name, () => {
    try {
      return openSync(path, access | constants.O_EXCL | constants.O_NONBLOCK);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EBUSY') return undefined;
      throw new MountError('SOURCE_NOT_USABLE', `cannot claim ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
}

interface LockedImage {
  readonly descriptor: number;
  readonly name: string;
  readonly writable: boolean;
}

/** One writer, or any number of readers. The lock is the open file's, and lasts until its last descriptor is closed. */
export async function lockImage({ descriptor, name, writable }: LockedImage): Promise<void> {
  await patiently(name, IMAGE_PATIENCE, (entry) => isOurs(entry) && entry.source === name, () => {
    const result = shim.flock(descriptor, (writable ? LOCK_EX : LOCK_SH) | LOCK_NB);
    if (result >= 0) return true;
    if (errorName(result) === 'EAGAIN') return undefined;
    throw new MountError('SOURCE_NOT_USABLE', `cannot lock ${name}: ${errorText(result)}`);
  });
}

/** Tries again for a while, unless the mount table says that it would be in vain. */
async function patiently<Claim>(
  name: string,
  patience: number,
  isMount: (entry: MountEntry) => boolean,
  attempt: () => Claim | undefined,
): Promise<Claim> {
  const deadline = performance.now() + patience;
  for (;;) {
    const claim = attempt();
    if (claim !== undefined) return claim;
    const mount = readMounts().find(isMount);
    if (mount !== undefined) {
      throw new MountError('SOURCE_BUSY', `${name} already mounted on ${mount.target}`, `unmount it first: umount ${mount.target}`);
    }
    if (performance.now() > deadline) {
      throw new MountError('SOURCE_BUSY', `${name} is in use by another program`, `fuser -v ${name} and lsblk ${name} may show by which`);
    }
    await pause(INTERVAL);
  }
}
