/** Unmounts for the user whose mount it is. */
import type { Unmounted, UnmountRequest } from '../../protocol/broker/messages.js';
import { MountError } from '../mount/errors.js';
import { isOurs } from '../mount/mountinfo.js';
import { errorName, errorText, shim } from '../native/shim.js';
import type { Caller } from './caller.js';
import { adoptNamespace } from './namespace.js';

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

export function unmountFor(caller: Caller, { descriptors: { parent, mountNamespace }, name, lazy }: UnmountRequest): Unmounted {
  return adoptNamespace(mountNamespace).within((mounts) => {
    const id = shim.mountId(parent, name);
    if (id < 0) throw new MountError('NOT_MOUNTED', `${name}: ${errorText(id)}`);
    const mount = mounts().find((entry) => entry.id === id);
    if (mount === undefined || id === shim.mountId(parent, '')) throw new MountError('NOT_MOUNTED', `${name}: not mounted`);
    const { target } = mount;
    if (!isOurs(mount)) throw new MountError('NOT_MOUNTED', `${target}: not a fuse4fs mount, but ${mount.type}`);
    if (!mount.options.includes(`user_id=${caller.uid}`)) throw new MountError('PERMISSION', `${target} was mounted by another user`);
    const there = shim.changeDirectory(parent);
    if (there < 0) throw new MountError('PERMISSION', `${target}: ${errorText(there)}`);
    const result = shim.umount2(name, (lazy ? MNT_DETACH : 0) | UMOUNT_NOFOLLOW);
    if (result >= 0) return { type: 'unmounted', target };
    if (errorName(result) === 'EBUSY') throw new MountError('TARGET_BUSY', `${target}: target is busy`);
    throw new MountError('NOT_MOUNTED', `${target}: ${errorText(result)}`);
  });
}
