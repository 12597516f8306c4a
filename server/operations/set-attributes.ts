import { writeAttrOut } from '../../protocol/fuse/attributes.js';
import * as requests from '../../protocol/fuse/requests.js';
import { SetattrValid as Valid } from '../../protocol/fuse/requests.js';
import { errno } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import { FileType, Times } from '../ext4/layout/inode.js';
import type { OperationTable } from '../session/handler.js';
import { changing, isAppendOnly, isImmutable, refusedContents, type WritableVolume } from './writable-volume.js';

const PERMISSIONS = 0o7777;
const SETUID = 0o4000;
const SETGID = 0o2000;
const GROUP_EXECUTE = 0o010;

/** The mode without what a change of contents or owner takes away (setattr_prepare(9), file_remove_privs()). */
export function withoutPrivileges(mode: number): number {
  const dropsSetgid = (mode & (SETGID | GROUP_EXECUTE)) === (SETGID | GROUP_EXECUTE);
  return mode & ~SETUID & ~(dropsSetgid ? SETGID : 0);
}

/** Times that the kernel kept while it cached writes, the access time only of files whose times are all its own (fuse_flush_times()). */
function isWrittenBack(valid: number, keepsAll: boolean): boolean {
  const times = keepsAll ? Valid.ATIME | Valid.MTIME : Valid.MTIME;
  return (valid & ~(times | Valid.FH | Valid.LOCKOWNER | Valid.CTIME)) === 0 && (valid & Valid.CTIME) !== 0;
}

/** utimensat(2) with times of the caller's. Of a modification time that the kernel keeps itself nobody can tell whose it is. */
const setsGivenTimes = (valid: number): boolean =>
  (valid & (Valid.ATIME | Valid.ATIME_NOW)) === Valid.ATIME || (valid & (Valid.MTIME | Valid.MTIME_NOW | Valid.CTIME)) === Valid.MTIME;

/** SETATTR: chmod, chown, truncate, utimensat, and the times that the kernel kept while it cached writes. */
export function setAttributeOperations(volume: WritableVolume): OperationTable {
  const { nodes, writable, writebackErrors, accessTimes } = volume;
  const { inodes, clock } = writable;

  const setTimes = (inode: Inode, view: DataView, at: number, valid: number): void => {
    if ((valid & Valid.ATIME_NOW) !== 0) inodes.setTime(inode, Times.access, clock.seconds, clock.nanoseconds);
    else if ((valid & Valid.ATIME) !== 0) inodes.setTime(inode, Times.access, requests.setattrAccessSeconds(view, at), requests.setattrAccessNanoseconds(view, at));
    if ((valid & Valid.MTIME_NOW) !== 0) inodes.setTime(inode, Times.modification, clock.seconds, clock.nanoseconds);
    else if ((valid & Valid.MTIME) !== 0) inodes.setTime(inode, Times.modification, requests.setattrModificationSeconds(view, at), requests.setattrModificationNanoseconds(view, at));
    if ((valid & Valid.CTIME) !== 0) inodes.setTime(inode, Times.change, requests.setattrChangeSeconds(view, at), requests.setattrChangeNanoseconds(view, at));
    else inodes.setTime(inode, Times.change, clock.seconds, clock.nanoseconds);
    inodes.bumpVersion(inode);
  };

  const setOwner = (inode: Inode, view: DataView, at: number, valid: number): void => {
    const uid = (valid & Valid.UID) !== 0 ? requests.setattrUid(view, at) : inode.uid;
    const gid = (valid & Valid.GID) !== 0 ? requests.setattrGid(view, at) : inode.gid;
    writable.setOwner(inode, uid, gid);
    if (inode.isDirectory) return;
    if ((valid & Valid.MODE) === 0) inodes.setMode(inode, withoutPrivileges(inode.mode));
    writable.dropCapabilities(inode);
  };

  /**
   * A request that sets nothing says what the kernel keeps to itself otherwise: that set-id bits have to
   * go. With the change time it is chown(2) of neither owner nor group. Without, someone is about to
   * change the contents who may not keep them; the kernel knows the caller's groups, and has seen to it
   * that a set-group-id bit without execution stays where it may, if it is alone: beside a set-user-id bit it
   * stays for whoever has the file's group as the first one. Root may keep the bits, and loses only the file's
   * capabilities.
   */
  const dropPrivileges = (inode: Inode, valid: number, uid: number, gid: number): void => {
    if (inode.isDirectory) return;
    const staysWithSetuid = (inode.mode & SETUID) !== 0 && gid === inode.gid && uid !== 0;
    if ((valid & Valid.CTIME) !== 0 || staysWithSetuid) inodes.setMode(inode, withoutPrivileges(inode.mode));
    else if (uid !== 0) inodes.setMode(inode, inode.mode & ~(SETUID | SETGID));
    writable.dropCapabilities(inode);
  };

  return {
    SETATTR: changing(volume, ({ nodeid, view, bodyOffset: at, uid, gid }, reply) => {
      const inode = nodes.get(nodeid);
      const valid = requests.setattrValid(view, at);
      // Where the kernel keeps the times it knows these two flags as well, and has refused utimensat(2) itself.
      const comesFromKernel = isWrittenBack(valid, accessTimes.keptElsewhere?.(inode) === true);
      if (isImmutable(inode) && !comesFromKernel) return -errno.EPERM;
      if (isAppendOnly(inode) && !comesFromKernel && ((valid & (Valid.MODE | Valid.UID | Valid.GID | Valid.SIZE)) !== 0 || setsGivenTimes(valid))) return -errno.EPERM;
      if ((valid & ~(Valid.FH | Valid.LOCKOWNER | Valid.CTIME)) === 0) dropPrivileges(inode, valid, uid, gid);
      if ((valid & (Valid.UID | Valid.GID)) !== 0) setOwner(inode, view, at, valid);
      if ((valid & Valid.MODE) !== 0) {
        const mode = (inode.mode & FileType.MASK) | (requests.setattrMode(view, at) & PERMISSIONS);
        inodes.setMode(inode, mode);
        writable.modeChanged(inode);
      }
      if ((valid & Valid.SIZE) !== 0) {
        if (!inode.isRegular) return inode.isDirectory ? -errno.EISDIR : -errno.EINVAL;
        const refused = refusedContents(inode);
        if (refused !== 0) return refused;
        const size = requests.setattrSize(view, at);
        if (!Number.isSafeInteger(size)) return -errno.EFBIG;
        writable.contents.truncate(inode, size);
        writebackErrors.forget(nodeid);
        if ((valid & Valid.KILL_SUIDGID) !== 0) {
          inodes.setMode(inode, withoutPrivileges(inode.mode));
          writable.dropCapabilities(inode);
        }
        if ((valid & (Valid.MTIME | Valid.MTIME_NOW)) === 0) inodes.setTime(inode, Times.modification, clock.seconds, clock.nanoseconds);
      }
      setTimes(inode, view, at, valid);
      return writeAttrOut(reply.view, reply.body, volume.attributes.of(inode));
    }),
  };
}
