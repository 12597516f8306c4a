import { ioctlCommand, ioctlOutSize } from '../../protocol/fuse/requests.js';
import { IOCTL_OUT_SIZE, writeIoctlOut } from '../../protocol/fuse/replies.js';
import { errno } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import { InodeFlags } from '../ext4/layout/inode.js';
import type { OperationTable } from '../session/handler.js';
import { extendedFlags, userVisibleFlags } from './inode-flags.js';
import type { Volume } from './volume.js';

/** Writes the result at `at`; the room has been zeroed. */
interface Command {
  readonly size: number;
  readonly answer: (inode: Inode, view: DataView, bytes: Uint8Array, at: number) => void;
}

/**
 * ioctls that ask. The numbers are those of the usual encoding (linux/ioctl.h), where a command carries
 * the direction and the size of its argument; the ones of 32-bit callers differ in the size of long.
 */
export function ioctlOperations({ filesystem, nodes }: Volume): OperationTable {
  const { superblock } = filesystem;
  const label = new TextEncoder().encode(superblock.label);
  const flags: Command = {
    size: 4,
    answer: (inode, view, _, at) => {
      // As a regular file has nothing to inherit to, ext4 hides the flag there.
      const shown = inode.isRegular ? inode.flags & ~InodeFlags.PROJINHERIT : inode.flags;
      view.setUint32(at, userVisibleFlags(shown), true);
    },
  };
  const version: Command = { size: 4, answer: (inode, view, _, at) => view.setUint32(at, inode.generation, true) };

  const commands: ReadonlyMap<number, Command> = new Map([
    [0x8008_6601, flags], // FS_IOC_GETFLAGS
    [0x8004_6601, flags],
    [0x8008_7601, version], // FS_IOC_GETVERSION
    [0x8004_7601, version],
    [0x8008_6603, version], // EXT4_IOC_GETVERSION
    [0x8004_6603, version],
    [
      0x801c_581f, // FS_IOC_FSGETXATTR
      {
        size: 28,
        answer: (inode, view, _, at) => {
          const shown = inode.isRegular ? inode.flags & ~InodeFlags.PROJINHERIT : inode.flags;
          view.setUint32(at, extendedFlags(shown), true);
          view.setUint32(at + 12, inode.projectId, true);
        },
      },
    ],
    [0x8100_9431, { size: 256, answer: (_, __, bytes, at) => bytes.set(label, at) }], // FS_IOC_GETFSLABEL
  ]);

  return {
    IOCTL: ({ nodeid, view, bodyOffset }, reply) => {
      const command = commands.get(ioctlCommand(view, bodyOffset));
      if (command === undefined) return -errno.ENOTTY;
      if (ioctlOutSize(view, bodyOffset) < command.size) return -errno.EINVAL;
      const inode = nodes.get(nodeid);
      const at = reply.body + IOCTL_OUT_SIZE;
      reply.bytes.fill(0, at, at + command.size);
      command.answer(inode, reply.view, reply.bytes, at);
      return writeIoctlOut(reply.view, reply.body, 0) + command.size;
    },
  };
}
