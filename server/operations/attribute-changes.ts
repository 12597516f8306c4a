import * as requests from '../../protocol/fuse/requests.js';
import { SetxattrFlag } from '../../protocol/fuse/requests.js';
import { errno } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import { MAX_NAME_LENGTH, NameIndex } from '../ext4/layout/xattr.js';
import type { AclKind } from '../ext4/xattr/acl-editor.js';
import type { EntryName } from '../ext4/xattr/entry-editor.js';
import { namespaceOf } from '../ext4/xattr/namespaces.js';
import type { OperationTable } from '../session/handler.js';
import type { Request } from '../session/request.js';
import { refusedNames } from './extended-attributes.js';
import { changing, isAppendOnly, isImmutable, isPrivileged, type WritableVolume } from './writable-volume.js';

const ACLS: Readonly<Partial<Record<number, AclKind>>> = {
  [NameIndex.POSIX_ACL_ACCESS]: 'access',
  [NameIndex.POSIX_ACL_DEFAULT]: 'default',
};

/**
 * SETXATTR and REMOVEXATTR. Who may change which namespace the kernel has checked; access control
 * lists come in the form of system calls, and change the mode with them.
 */
export function attributeChangeOperations(volume: WritableVolume): OperationTable {
  const { nodes, writable, options } = volume;
  const { attributes, acls, inodes, clock } = writable;
  const isRefused = refusedNames(options);

  /** The name without its namespace, or a negative errno. */
  const entryName = ({ bytes, nameOffset, nameLength }: Request): EntryName | number => {
    const space = namespaceOf(bytes, nameOffset, nameLength);
    if (space === undefined || isRefused(bytes, nameOffset, nameLength)) return -errno.EOPNOTSUPP;
    const length = nameLength - space.prefix.length;
    if (space.takesName && length === 0) return -errno.EINVAL;
    return length > MAX_NAME_LENGTH ? -errno.ERANGE : { index: space.index, bytes, offset: nameOffset + space.prefix.length, length };
  };

  const finish = (inode: Inode, result: number): number => {
    if (result < 0) return result;
    if (result > 0) inodes.touch(inode, clock.seconds, clock.nanoseconds, false);
    return 0;
  };

  const refusal = (inode: Inode): number => (isImmutable(inode) || isAppendOnly(inode) ? -errno.EPERM : 0);

  return {
    SETXATTR: changing(volume, (request) => {
      const { nodeid, view, bytes, bodyOffset: at, bodyLength, nameOffset, nameLength, uid, gid } = request;
      const name = entryName(request);
      if (typeof name === 'number') return name;
      const value = nameOffset + nameLength + 1;
      const size = requests.setxattrSize(view, at);
      if (size > at + bodyLength - value) return -errno.EINVAL;
      const inode = nodes.get(nodeid);
      const refused = refusal(inode);
      if (refused !== 0) return refused;
      const kind = ACLS[name.index];
      if (kind === undefined) return finish(inode, attributes.set(inode, name, bytes, value, size, requests.setxattrFlags(view, at), isPrivileged(volume, uid, gid, inode)));
      const killSetGroupId = (requests.setxattrExtraFlags(view, at) & SetxattrFlag.ACL_KILL_SGID) !== 0;
      return finish(inode, acls.set(inode, kind, bytes, value, size, killSetGroupId, isPrivileged(volume, uid, gid, inode)));
    }),

    REMOVEXATTR: changing(volume, (request) => {
      const name = entryName(request);
      if (typeof name === 'number') return name;
      const inode = nodes.get(request.nodeid);
      const refused = refusal(inode);
      if (refused !== 0) return refused;
      const kind = ACLS[name.index];
      if (kind === undefined) return finish(inode, attributes.remove(inode, name, isPrivileged(volume, request.uid, request.gid, inode)));
      // An access control list that is not there is removed as well as one that is.
      return finish(inode, Math.max(0, acls.remove(inode, kind, isPrivileged(volume, request.uid, request.gid, inode))));
    }),
  };
}
