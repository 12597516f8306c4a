/** slow-device-server.js IMAGE FILE: puts a filesystem over FILE that is one file, and shows IMAGE. Its parent says which parts of it are read and written when (SlowDevice). */
import { execFileSync } from 'node:child_process';
import { fstatSync, openSync, read, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { writeAttrOut, type Attributes } from '../../protocol/fuse/attributes.js';
import { OpenReplyFlag, writeOpenOut, writeWriteOut } from '../../protocol/fuse/replies.js';
import { readOffset, readSize, WRITE_FIXED_SIZE, writeOffset, writeSize } from '../../protocol/fuse/requests.js';
import { Counters } from '../../server/session/counters.js';
import type { MountedFilesystem } from '../../server/session/filesystem.js';
import { DEFERRED, forgetNothing } from '../../server/session/handler.js';
import { Reply } from '../../server/session/reply.js';
import { Session } from '../../server/session/session.js';
import { NO_WRITE, type SlowDeviceMessage, type SlowDeviceOrder } from './slow-device.js';

const [, , image = '', target = ''] = process.argv;
const { EIO } = constants.errno;
const device = openSync(image, 'r+');
const MODE = 0o100666;
const { size } = fstatSync(device);
const orders: SlowDeviceOrder = { hold: [], fail: [], holdWritesFrom: NO_WRITE, failWritesFrom: NO_WRITE };
interface Held {
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  readonly offset: number;
  readonly length: number;
  /** Of a write. */
  readonly data?: Uint8Array;
}
let held: Held[] = [];

const attributes: Attributes = {
  inode: 1, size, blocks: 0, atime: 0, mtime: 0, ctime: 0, atimeNanoseconds: 0, mtimeNanoseconds: 0, ctimeNanoseconds: 0,
  mode: MODE, links: 1, uid: 0, gid: 0, deviceNumber: 0, blockSize: 4096,
};

const touches = (ranges: readonly (readonly [number, number])[], offset: number, length: number): boolean =>
  ranges.some(([from, to]) => offset < to && offset + length > from);

function hold(request: Held): typeof DEFERRED {
  held.push(request);
  tell({ held: held.length });
  return DEFERRED;
}

const isHeld = ({ offset, length, data }: Held): boolean => (data === undefined ? touches(orders.hold, offset, length) : length >= orders.holdWritesFrom);

const filesystem: MountedFilesystem = {
  facts: { blockSize: 4096, rootMode: MODE, readOnly: false, kernelOptions: [], label: '', uuid: '', warnings: [] },
  // Without the writeback cache, with which the kernel would know the size better.
  kernelWishes: { required: ['MAX_PAGES'], wanted: ['ASYNC_READ', 'ASYNC_DIO', 'BIG_WRITES'], stackDepth: 0 },
  operations: {
    GETATTR: (_, reply) => writeAttrOut(reply.view, reply.body, attributes),
    SETATTR: (_, reply) => writeAttrOut(reply.view, reply.body, attributes),
    OPEN: (_, reply) => writeOpenOut(reply.view, reply.body, OpenReplyFlag.DIRECT_IO | OpenReplyFlag.PARALLEL_DIRECT_WRITES),
    RELEASE: () => 0,
    FLUSH: () => 0,
    FSYNC: () => 0,
    FORGET: forgetNothing,
    BATCH_FORGET: forgetNothing,
    READ: ({ uniqueLow, uniqueHigh, view, bodyOffset }, reply) => {
      const offset = readOffset(view, bodyOffset);
      const length = readSize(view, bodyOffset);
      if (touches(orders.fail, offset, length)) return -EIO;
      if (!touches(orders.hold, offset, length)) return readSync(device, reply.bytes, reply.body, length, offset);
      return hold({ uniqueLow, uniqueHigh, offset, length });
    },
    WRITE: ({ uniqueLow, uniqueHigh, bytes, view, bodyOffset }, reply) => {
      const length = writeSize(view, bodyOffset);
      const offset = writeOffset(view, bodyOffset);
      const from = bodyOffset + WRITE_FIXED_SIZE;
      if (length >= orders.failWritesFrom) return -EIO;
      if (length < orders.holdWritesFrom) return writeWriteOut(reply.view, reply.body, writeSync(device, bytes, from, length, offset));
      return hold({ uniqueLow, uniqueHigh, offset, length, data: bytes.slice(from, from + length) });
    },
  },
  close: () => undefined,
};

const fuse = openSync('/dev/fuse', 'r+');
const session = new Session({ filesystem, maximumPages: 256, counters: new Counters(), failed: (opcode, _, error) => console.error(opcode, error) });

const tell = (message: SlowDeviceMessage): void => void process.send?.(message);

function send(reply: Reply, length: number): void {
  try {
    writeSync(fuse, reply.bytes, reply.start, length);
  } catch {
    // Whoever asked is gone.
  }
}

function next(): void {
  read(fuse, session.request.bytes, session.request.start, session.request.capacity, null, (error, length) => {
    if (error?.code === 'ENODEV') process.exit(0);
    if (error === null) {
      const replyLength = session.handle(length);
      if (replyLength > 0) send(session.reply, replyLength);
    }
    next();
  });
}

process.on('message', (order: SlowDeviceOrder) => {
  Object.assign(orders, order);
  const released = held.filter((one) => !isHeld(one));
  held = held.filter((one) => !released.includes(one));
  const reply = new Reply(1 << 20);
  for (const { uniqueLow, uniqueHigh, offset, length, data } of released) {
    const bodyLength = data === undefined ? readSync(device, reply.bytes, reply.body, length, offset) : writeWriteOut(reply.view, reply.body, writeSync(device, data, 0, length, offset));
    send(reply, reply.finish(uniqueLow, uniqueHigh, bodyLength));
  }
  tell({ done: true });
});
// Without its parent nobody could let go what it holds. An exit would wait for the thread that reads the next request.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

execFileSync('mount', ['-i', '-n', '-t', 'fuse', '-o', `rw,fd=3,rootmode=${MODE.toString(8)},user_id=0,group_id=0,allow_other,max_read=${1 << 20}`, 'slow', target], {
  stdio: ['ignore', 'ignore', 'inherit', fuse],
});
next();
tell({ done: true });
