import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { errorText, shim } from '../native/shim.js';
import { MountError } from './errors.js';

/** The directory to mount on, held open: renaming or relinking it meanwhile changes nothing. */
export interface MountPoint {
  readonly descriptor: number;
  /** Where it is, without symbolic links. */
  readonly path: string;
  /** Puts a mount there that nobody sees yet. */
  attach(mount: number): void;
  close(): void;
}

const O_PATH = 0o10000000;

/** Opens the directory without looking into it: it stays the same one, whatever its name becomes. @throws MountError BAD_MOUNT_POINT */
export function openMountPoint(target: string): MountPoint {
  let descriptor: number;
  try {
    descriptor = openSync(target, O_PATH | constants.O_DIRECTORY);
  } catch (error) {
    throw refusal(target, error);
  }
  return {
    descriptor,
    path: readlinkSync(`/proc/self/fd/${descriptor}`),
    attach: (mount) => attachTo(descriptor, mount),
    close: () => closeSync(descriptor),
  };
}

/** @param descriptor of the mount point; @param mount of a detached mount. @throws MountError BAD_MOUNT_POINT */
export function attachTo(descriptor: number, mount: number): void {
  const result = shim.attach(mount, descriptor);
  if (result < 0) throw new MountError('BAD_MOUNT_POINT', `cannot mount there: ${errorText(result)}`, '', undefined, -result);
}

function refusal(target: string, error: unknown): MountError {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOENT') return new MountError('BAD_MOUNT_POINT', 'mount point does not exist', `create it: mkdir ${target}`);
  if (code === 'ENOTDIR') return new MountError('BAD_MOUNT_POINT', 'mount point is not a directory');
  if (code === 'EACCES') return new MountError('BAD_MOUNT_POINT', 'permission denied');
  if (code === 'ENOTCONN') {
    return new MountError('BAD_MOUNT_POINT', 'the server of the mount that is there has died', `unmount it first: umount ${target}`);
  }
  return new MountError('BAD_MOUNT_POINT', `cannot open mount point: ${String(code)}`);
}
