/**
 * A filesystem of constants: as many files as one asks for, all the same. What it costs is what the
 * session and the kernel cost, the floor under every other figure.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { writeAttrOut, writeEntryOut, writeNegativeEntryOut } from '../../protocol/fuse/attributes.js';
import { IOCTL_OUT_SIZE, writeIoctlOut, writeLseekOut, writeXattrSizeOut } from '../../protocol/fuse/replies.js';
import { getxattrSize, lseekOffset, readOffset, readSize } from '../../protocol/fuse/requests.js';
import { writeStatfsOut } from '../../protocol/fuse/statfs.js';
import type { FilesystemSource, MountedFilesystem } from '../../server/session/filesystem.js';
import { forgetNothing, type Handler, type OperationTable } from '../../server/session/handler.js';
import { FILE_SIZE, FloorAttributes, MADE_DIRECTORY, numberOf } from './attributes.js';
import { changes } from './changes.js';
import { listing } from './listing.js';

const { ENOSYS, EROFS } = constants.errno;

const XATTR_NAMES = Buffer.from('user.bench\0');
const XATTR_VALUE = Buffer.alloc(8);
const LINK_TARGET = Buffer.from('to nothing');
const LETTER_N = 0x6e;
const FLAGS_SIZE = 4;

/** A constant, or its length if there is no room for it. */
const constant = (value: Uint8Array): Handler => ({ view, bodyOffset }, reply) => {
  if (getxattrSize(view, bodyOffset) === 0) return writeXattrSizeOut(reply.view, reply.body, value.length);
  reply.bytes.set(value, reply.body);
  return value.length;
};

export function floorOperations(writable = false): OperationTable {
  const attributes = new FloorAttributes();
  const refuse = (): number => -EROFS;
  return {
    LOOKUP: ({ nodeid: directory, bytes, nameOffset, nameLength }, reply) => {
      // As "none"; and what is made where things are made is known to the kernel from then on.
      if (writable && (bytes[nameOffset] === LETTER_N || directory === MADE_DIRECTORY)) return writeNegativeEntryOut(reply.view, reply.body);
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
    READDIR: listing(attributes, false),
    READDIRPLUS: listing(attributes, true),
    READLINK: (_, reply) => {
      reply.bytes.set(LINK_TARGET, reply.body);
      return LINK_TARGET.length;
    },
    LISTXATTR: constant(XATTR_NAMES),
    LSEEK: ({ view, bodyOffset }, reply) => writeLseekOut(reply.view, reply.body, lseekOffset(view, bodyOffset)),
    IOCTL: (_, reply) => {
      reply.view.setUint32(reply.body + IOCTL_OUT_SIZE, 0, true);
      return writeIoctlOut(reply.view, reply.body, 0) + FLAGS_SIZE;
    },
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
    ...(writable ? { ...changes(attributes), GETXATTR: constant(XATTR_VALUE) } : { CREATE: refuse, MKDIR: refuse, UNLINK: refuse }),
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
      readOnly: !source.writable,
      kernelOptions: [],
      label: '',
      uuid: '',
      warnings: [],
    },
    operations: floorOperations(source.writable),
    gauges: ['syncs'],
    ...(syncMilliseconds !== undefined && { syncMilliseconds }),
    tend: (gauges) => void (gauges[0] = syncs),
    sync: () => void syncs++,
    close: () => closeSync(source.descriptor),
  };
}
