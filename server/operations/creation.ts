import { writeEntryOut } from '../../protocol/fuse/attributes.js';
import * as requests from '../../protocol/fuse/requests.js';
import { writeOpenOut } from '../../protocol/fuse/replies.js';
import { errno } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import { FileType } from '../ext4/layout/inode.js';
import type { OperationTable } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import type { Request } from '../session/request.js';
import { firstName } from './request-names.js';
import { changing, type WritableVolume } from './writable-volume.js';

const PERMISSIONS = 0o7777;

/**
 * MKNOD, MKDIR, SYMLINK, LINK and TMPFILE: everything that makes an inode or gives one a name. CREATE is
 * answered ENOSYS: the kernel then sends MKNOD in its place and, as nothing is opened here, no RELEASE.
 */
export function creationOperations(volume: WritableVolume): OperationTable {
  const { nodes, writable } = volume;

  const make = (request: Request, mode: number, umask: number, device: number): Inode => {
    const { nodeid, uid } = request;
    const parent = nodes.get(nodeid);
    return writable.namespace.create(parent, firstName(request), { mode, umask, uid, gid: groupIn(parent, request), device });
  };

  const groupIn = (parent: Inode, { gid }: Request): number => (volume.options.directoryGroup ? parent.gid : gid);

  const answer = (inode: Inode, reply: Reply): number => {
    volume.lookups.add(inode.number);
    return writeEntryOut(reply.view, reply.body, nodes.nodeidOf(inode.number), inode.generation, volume.attributes.of(inode));
  };

  const answerOpen = (inode: Inode, reply: Reply): number => {
    const length = answer(inode, reply);
    return length + writeOpenOut(reply.view, reply.body + length, 0);
  };

  return {
    MKNOD: changing(volume, (request, reply) => {
      const { view, bodyOffset } = request;
      return answer(make(request, requests.mknodMode(view, bodyOffset), requests.mknodUmask(view, bodyOffset), requests.mknodDevice(view, bodyOffset)), reply);
    }),

    MKDIR: changing(volume, (request, reply) => {
      const { view, bodyOffset } = request;
      const mode = (requests.mkdirMode(view, bodyOffset) & PERMISSIONS) | FileType.DIRECTORY;
      return answer(make(request, mode, requests.mkdirUmask(view, bodyOffset), 0), reply);
    }),

    CREATE: () => -errno.ENOSYS,

    TMPFILE: changing(volume, (request, reply) => {
      const { view, bodyOffset, nodeid, uid } = request;
      const parent = nodes.get(nodeid);
      const inode = writable.namespace.createUnnamed(parent, { mode: requests.createMode(view, bodyOffset), uid, gid: groupIn(parent, request), device: 0, umask: requests.createUmask(view, bodyOffset) });
      return answerOpen(inode, reply);
    }),

    SYMLINK: changing(volume, (request, reply) => {
      const { bytes, secondNameOffset, secondNameLength } = request;
      if (secondNameLength >= writable.filesystem.superblock.blockSize) return -errno.ENAMETOOLONG;
      const inode = make(request, FileType.SYMLINK | 0o777, 0, 0);
      writable.contents.setSymlinkTarget(inode, bytes, secondNameOffset, secondNameLength);
      return answer(inode, reply);
    }),

    LINK: changing(volume, (request, reply) => {
      const inode = nodes.get(requests.linkTarget(request.view, request.bodyOffset));
      writable.namespace.link(inode, nodes.get(request.nodeid), firstName(request));
      return answer(inode, reply);
    }),
  };
}
