import { INVALID_ID } from '../../protocol/fuse/header.js';
import { getxattrSize } from '../../protocol/fuse/requests.js';
import { writeXattrSizeOut } from '../../protocol/fuse/replies.js';
import { errno } from '../ext4/errors.js';
import type { OperationTable } from '../session/handler.js';
import type { ServerOptions } from './options.js';
import type { Volume } from './volume.js';

const ROOT_USER = 0;

/** GETXATTR and LISTXATTR. A size of 0 asks how much room is needed. */
export function extendedAttributeOperations({ filesystem, nodes, options }: Volume): OperationTable {
  const isRefused = refusedNames(options);
  const isRefusedAcl = refusedNames({ acl: options.acl, userAttributes: true });

  return {
    GETXATTR: ({ nodeid, view, bytes, bodyOffset, nameOffset, nameLength }, reply) => {
      // The kernel asks for them to check permissions, and any other error would be the outcome of that.
      if (isRefusedAcl(bytes, nameOffset, nameLength)) return -errno.ENODATA;
      if (isRefused(bytes, nameOffset, nameLength)) return -errno.EOPNOTSUPP;
      const inode = nodes.get(nodeid);
      const room = getxattrSize(view, bodyOffset);
      const size = filesystem.attributes.get(inode, bytes, nameOffset, nameLength, reply.bytes, reply.body, Math.min(room, reply.capacity));
      return room > 0 || size < 0 ? size : writeXattrSizeOut(reply.view, reply.body, size);
    },

    LISTXATTR: ({ nodeid, uid, view, bodyOffset }, reply) => {
      const inode = nodes.get(nodeid);
      const room = getxattrSize(view, bodyOffset);
      // Mounts that can be idmapped do not tell who asks. Then names of trusted attributes are shown to
      // all, since root must see them; their values the kernel gives to root alone.
      const withTrusted = uid === ROOT_USER || uid === INVALID_ID;
      const size = filesystem.attributes.list(inode, reply.bytes, reply.body, Math.min(room, reply.capacity), withTrusted);
      return room > 0 || size < 0 ? size : writeXattrSizeOut(reply.view, reply.body, size);
    },
  };
}

/** Names of the namespaces that the mount options turn off. */
export function refusedNames({ acl, userAttributes }: Pick<ServerOptions, 'acl' | 'userAttributes'>): (bytes: Uint8Array, offset: number, length: number) => boolean {
  const refused = [...(acl ? [] : ['system.posix_acl_']), ...(userAttributes ? [] : ['user.'])].map((prefix) => new TextEncoder().encode(prefix));
  return (bytes, offset, length) => refused.length > 0 && refused.some((prefix) => startsWith(bytes, offset, length, prefix));
}

function startsWith(bytes: Uint8Array, offset: number, length: number, prefix: Uint8Array): boolean {
  return length >= prefix.length && prefix.every((byte, index) => bytes[offset + index] === byte);
}
