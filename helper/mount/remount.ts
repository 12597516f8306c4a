import { errorText, shim } from '../native/shim.js';
import { mountFlags } from './attach.js';
import { MountError } from './errors.js';
import { openMountPoint } from './mount-point.js';
import { isOurs, mountOn } from './mountinfo.js';
import type { MountOptions } from './options.js';

const MS_REMOUNT = 32;

/**
 * mount -o remount: changes the flags of a mount that exists. mount(8) has already merged what was
 * mounted with into the options. The server is not asked: a read-only mount sends it no writes.
 */
export function remount(target: string, { flags }: MountOptions): void {
  const point = openMountPoint(target);
  try {
    const mount = mountOn(point.path);
    if (mount === undefined || !isOurs(mount)) throw new MountError('NOT_MOUNTED', 'not a fuse4fs mount');
    if (mount.options.includes('ro') && !flags.readOnly) {
      throw new MountError('MOUNT_REFUSED', 'its server has the filesystem open for reading only', `unmount it, and mount it again: umount ${target}`);
    }
    const result = shim.mount(mount.source, point.path, mount.type, mountFlags(flags) | MS_REMOUNT, '');
    if (result < 0) throw new MountError('MOUNT_REFUSED', `cannot remount: ${errorText(result)}`);
  } finally {
    point.close();
  }
}
