/** The caller's own directory to mount on: everything is asked of the descriptor, nothing of a path. */
import { closeSync, fstatSync, readlinkSync, statfsSync } from 'node:fs';
import { MountError } from '../mount/errors.js';
import { isOurs, type MountEntry } from '../mount/mountinfo.js';
import { attachTo, type MountPoint } from '../mount/mount-point.js';
import { shim } from '../native/shim.js';
import type { Caller } from './caller.js';
import type { MountNamespace } from './namespace.js';

const OWNER_WRITES_AND_SEARCHES = 0o300;
const MNT_DETACH = 2;

/**
 * Filesystems whose directories are places to keep files in. In those of the kernel's own interfaces, such
 * as proc, sysfs and cgroup, a user may own directories that others rely on.
 */
const placesForFiles = {
  ext: 0xef53, xfs: 0x58465342, btrfs: 0x9123683e, tmpfs: 0x01021994, overlay: 0x794c7630, f2fs: 0xf2f52010, zfs: 0x2fc12fc1,
  bcachefs: 0xca451a4e, nfs: 0x6969, cifs: 0xff534d42, smb2: 0xfe534d42, ceph: 0x00c36400, ninep: 0x01021997, fat: 0x4d44,
  exfat: 0x2011bab0, ntfs: 0x5346544e, ntfs3: 0x7366746e, ramfs: 0x858458f6, jfs: 0x3153464a, reiserfs: 0x52654973,
  gfs2: 0x01161970, ocfs2: 0x7461636f, nilfs: 0x3434, ubifs: 0x24051905, ecryptfs: 0xf15f,
} as const;

/** f_type of statfs(2). */
const PLACES_FOR_FILES: ReadonlySet<number> = new Set(Object.values(placesForFiles));

/** From here on the descriptor is the mount point's to close, or closed. */
export function adoptMountPoint(descriptor: number, caller: Caller, namespace: MountNamespace): MountPoint {
  const { path, on } = namespace.within((mounts) => {
    const where = readlinkSync(`thread-self/fd/${descriptor}`);
    return { path: where, on: assertFree(mounts(), descriptor, where) };
  });
  assertOwned(descriptor, path, caller);
  return {
    descriptor,
    path,
    attach: (mount) => {
      if (!caller.isAlive()) throw new MountError('INTERRUPTED', 'the caller has ended');
      namespace.within((mounts) => {
        assertFree(mounts(), descriptor, path);
        attachTo(descriptor, mount);
        // Had something else been mounted there in between, ours would hide it.
        const id = shim.mountId(mount, '');
        if (mounts().find((entry) => entry.id === id)?.parent === on) return;
        shim.umount2(`thread-self/fd/${mount}`, MNT_DETACH);
        throw taken(path);
      });
    },
    close: () => closeSync(descriptor),
  };
}

function assertOwned(descriptor: number, path: string, { uid }: Caller): void {
  const { type } = statfsSync(`/proc/self/fd/${descriptor}`);
  if (!PLACES_FOR_FILES.has(type)) throw new MountError('BAD_MOUNT_POINT', `${path} is on a filesystem of type 0x${type.toString(16)}, where users may not mount`);
  const stats = fstatSync(descriptor);
  if (!stats.isDirectory()) throw new MountError('BAD_MOUNT_POINT', `${path} is not a directory`);
  if (stats.uid !== uid) throw new MountError('PERMISSION', `${path} does not belong to you`, 'you have to own the mount point');
  if ((stats.mode & OWNER_WRITES_AND_SEARCHES) !== OWNER_WRITES_AND_SEARCHES) {
    throw new MountError('PERMISSION', `you may not write to ${path}`, 'the mount point has to be writable for you');
  }
}

/** @returns the number of the mount that it is on */
function assertFree(mounts: readonly MountEntry[], descriptor: number, path: string): number {
  const on = shim.mountId(descriptor, '');
  const around = mounts.find(({ id }) => id === on);
  if (around === undefined) throw new MountError('BAD_MOUNT_POINT', `${path} is not in your mount namespace`);
  // Its server could let us wait for ever.
  if (/^fuse(blk)?(\.|$)/.test(around.type) && !isOurs(around)) throw new MountError('BAD_MOUNT_POINT', `${path} is on a FUSE filesystem`, 'choose a directory outside of it');
  if (isOurs(around)) throw new MountError('BAD_MOUNT_POINT', `${path} is in a mount of fuse4fs`, 'choose a directory outside of it');
  if (mounts.some(({ parent, target }) => parent === on && target === path)) throw taken(path);
  return on;
}

const taken = (path: string): MountError => new MountError('BAD_MOUNT_POINT', `something is mounted on ${path} already`);
