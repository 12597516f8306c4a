/** Which mounts the broker has made for a user: their status sockets are the user's, in a directory of root's. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { removeIfSame } from '../mount/file-at-name.js';
import { connectionExists } from '../mount/fuse-device.js';
import { namesIn } from '../mount/names-in.js';

/** Counts them, and removes names that are left of mounts which are gone. */
export function countMounts(directory: string, uid: number): number {
  return namesIn(directory).filter((name) => {
    const [, major, minor] = /^(\d+):(\d+)\.sock$/.exec(name) ?? [];
    const path = join(directory, name);
    const owner = lstatSync(path, { throwIfNoEntry: false });
    if (major === undefined || minor === undefined || owner?.uid !== uid) return false;
    if (connectionExists({ major: Number(major), minor: Number(minor) }) !== false) return true;
    // The kernel gives numbers again: what is another file by now belongs to another mount.
    if (uid !== 0) removeIfSame({ path, inode: owner.ino });
    return false;
  }).length;
}
