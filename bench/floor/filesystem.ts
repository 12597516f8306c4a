/**
 * A filesystem of constants: as many files as one asks for, all the same. What it costs is what the
 * session and the kernel cost, the floor under every other figure.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { writeAttrOut, writeEntryOut, type Attributes } from '../../protocol/fuse/attributes.js';
import { readOffset, readSize } from '../../protocol/fuse/requests.js';
import { writeStatfsOut } from '../../protocol/fuse/statfs.js';
import type { FilesystemSource, MountedFilesystem } from '../../server/session/filesystem.js';
import { forgetNothing, type OperationTable } from '../../server/session/handler.js';

const { ENOSYS, EROFS } = constants.errno;
const FILE_SIZE = 1024 * 1024 * 1024;
const ROOT = 1;

class FloorAttributes implements Attributes {
  inode = ROOT;
  size = 0;
  blocks = 0;
  readonly atime = 0;
  readonly mtime = 0;
  readonly ctime = 0;
  readonly atimeNanoseconds = 0;
  readonly mtimeNanoseconds = 0;
  readonly ctimeNanoseconds = 0;
  mode = 0;
  readonly links = 1;
  readonly uid = 0;
  readonly gid = 0;
  readonly deviceNumber = 0;
  readonly blockSize = 4096;

  become(nodeid: number): this {
    this.inode = nodeid;
    this.mode = nodeid === ROOT ? 0o40755 : 0o100644;
    this.size = nodeid === ROOT ? 4096 : FILE_SIZE;
    this.blocks = this.size / 512;
    return this;
  }
}

/** Every name leads to a file of its own, whose number is made from the bytes of the name. */
function numberOf(bytes: Uint8Array, offset: number, length: number): number {
  let number = 7;
  for (let at = offset; at < offset + length; at++) number = (Math.imul(number, 31) + (bytes[at] ?? 0)) >>> 0;
  return ROOT + 1 + number;
}

export function floorOperations(): OperationTable {
  const attributes = new FloorAttributes();
  const refuse = (): number => -EROFS;
  return {
    LOOKUP: ({ bytes, nameOffset, nameLength }, reply) => {
      const nodeid = numberOf(bytes, nameOffset, nameLength);
      return writeEntryOut(reply.view, reply.body, nodeid, 0, attributes.become(nodeid));
    },
    FORGET: forgetNothing,
    BATCH_FORGET: forgetNothing,
    GETATTR: (request, reply) => writeAttrOut(reply.view, reply.body, attributes.become(request.nodeid)),
    OPEN: () => -ENOSYS,
    OPENDIR: () => -ENOSYS,
    READ: (request, reply) => {
      const left = FILE_SIZE - readOffset(request.view, request.bodyOffset);
      return Math.max(0, Math.min(left, readSize(request.view, request.bodyOffset), reply.capacity));
    },
    READDIR: () => 0,
    READDIRPLUS: () => 0,
    STATFS: (_, reply) =>
      writeStatfsOut(reply.view, reply.body, {
        blocks: 0,
        freeBlocks: 0,
        availableBlocks: 0,
        files: 0,
        freeFiles: 0,
        blockSize: 4096,
        maximumNameLength: 255,
      }),
    CREATE: refuse,
    MKDIR: refuse,
    UNLINK: refuse,
  };
}

/** The one option is "sync=MILLISECONDS". */
export function openFilesystem(source: FilesystemSource): MountedFilesystem {
  const [option] = source.options;
  const syncMilliseconds = option === undefined ? undefined : Number(option.slice('sync='.length));
  let syncs = 0;
  return {
    facts: {
      blockSize: 4096,
      rootMode: 0o40755,
      readOnly: true,
      kernelOptions: [],
      label: '',
      uuid: '',
      warnings: [],
    },
    operations: floorOperations(),
    gauges: ['syncs'],
    ...(syncMilliseconds !== undefined && { syncMilliseconds }),
    tend: (gauges) => void (gauges[0] = syncs),
    sync: () => void syncs++,
    close: () => closeSync(source.descriptor),
  };
}
