import { errorText, shim } from '../native/shim.js';
import { mountFlags } from './attach.js';
import { MountError } from './errors.js';
import { openMountPoint } from './mount-point.js';
import { isOurs, mountOn } from './mountinfo.js';
import { accessTimeWords, type MountOptions } from './options.js';
import { statusSocketOf, systemRuntime, type Runtime } from './runtime.js';
import { StatusConnection } from './status-client.js';

const MS_REMOUNT = 32;
const PATIENCE = 2000;

/**
 * mount -o remount: changes the flags of a mount that exists. mount(8) has already merged what was
 * mounted with into the options. The server is told, for it keeps the access times; where it cannot be
 * reached, all else is as wished: a read-only mount sends it no writes.
 */
export function remount(target: string, { flags }: MountOptions, { mounts }: Runtime = systemRuntime()): void {
  const point = openMountPoint(target);
  try {
    const mount = mountOn(point.path);
    if (mount === undefined || !isOurs(mount)) throw new MountError('NOT_MOUNTED', 'not a fuse4fs mount');
    const connection = mounts === undefined ? undefined : connected(statusSocketOf(mounts, mount.device));
    try {
      // What was mounted for writing can be written again; an image that was not is open for reading only.
      if (mount.options.includes('ro') && !flags.readOnly && connection?.status()?.['readOnly'] !== false) {
        throw new MountError('MOUNT_REFUSED', 'its server has the filesystem open for reading only', `unmount it, and mount it again: umount ${target}`);
      }
      const result = shim.mount(mount.source, point.path, mount.type, mountFlags(flags) | MS_REMOUNT, '');
      if (result < 0) throw new MountError('MOUNT_REFUSED', `cannot remount: ${errorText(result)}`);
      connection?.remounted([...accessTimeWords(flags), ...(flags.readOnly ? ['ro'] : [])]);
    } finally {
      connection?.close();
    }
  } finally {
    point.close();
  }
}

function connected(socket: string): StatusConnection | undefined {
  const connection = StatusConnection.open(socket, PATIENCE);
  return typeof connection === 'string' ? undefined : connection;
}
