/** The iomap extension on the wire: the bytes of each message, in both directions. */
import t from 'tap';
import { IN_HEADER_SIZE, inLength, inNodeid, inOpcode, OUT_HEADER_SIZE, writeOutHeader } from '../../protocol/fuse/header.js';
import * as iomap from '../../protocol/fuse/iomap.js';
import { IomapOperation, Mapping, MappingFlag, MappingType, NO_ADDRESS, PROFILE_A, PROFILE_B } from '../../protocol/fuse/iomap.js';
import { configOffer, readIomapConfig, writeIomapConfig } from '../../protocol/fuse/iomap-config.js';
import { FuseIoctl, supportFlags, writeBackingOpen, writeSetBlockSize } from '../../protocol/fuse/iomap-ioctls.js';
import { TO_THE_END, writeBackingInval, writeInvalMappings, writeUpsertMappings } from '../../protocol/fuse/iomap-notifications.js';
import { writeAttrOut } from '../../protocol/fuse/attributes.js';
import { Opcode, opcodeSlot, requestShapes } from '../../protocol/fuse/opcodes.js';

const bytes = (hex: string): DataView => new DataView(Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (pair) => parseInt(pair, 16)).buffer);
const hex = (view: DataView): string =>
  (Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex').match(/.{1,8}/g) ?? []).join(' ');
const words = (text: string): string => text.trim().replace(/\s+/g, ' ');

/** A reply of that body, in memory that was not empty. */
function reply(unique: number, size: number, write: (view: DataView, at: number) => number): string {
  const view = new DataView(new Uint8Array(OUT_HEADER_SIZE + size).fill(0xaa).buffer);
  const length = write(view, OUT_HEADER_SIZE);
  writeOutHeader(view, 0, OUT_HEADER_SIZE + length, 0, unique, 0);
  return hex(new DataView(view.buffer, 0, OUT_HEADER_SIZE + length));
}

function message(size: number, write: (view: DataView) => number): string {
  const view = new DataView(new Uint8Array(size).fill(0xaa).buffer);
  if (write(view) !== size) throw new Error('another length');
  return hex(view);
}

const body = IN_HEADER_SIZE;
const extent = () => new Mapping().set(0, 131072, MappingType.MAPPED, 0, 0x2100000, 1);

t.test('opcodes have slots and fixed parts', async (t) => {
  for (const [name, opcode, size] of [
    ['FREEZE_FS', 4089, 8], ['UNFREEZE_FS', 4090, 0], ['SHUTDOWN_FS', 4091, 8], ['IOMAP_CONFIG', 4092, 64], ['IOMAP_IOEND', 4093, 48], ['IOMAP_BEGIN', 4094, 32], ['IOMAP_END', 4095, 72],
  ] as const) {
    t.equal(Opcode[name], opcode);
    t.match(requestShapes[opcodeSlot(opcode)], { name, fixedSize: size, names: 0 });
  }
  t.equal(requestShapes[opcodeSlot(4088)], undefined);
  t.equal(requestShapes[opcodeSlot(4096)], undefined);
  t.equal(requestShapes[opcodeSlot(1000)], undefined);
});

t.test('BEGIN', async (t) => {
  const request = bytes(`
    48000000 fe0f0000 06000000 00000000 0c000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 0c000000 00000000 00000000 00000000 00000100 00000000`);
  t.same([inLength(request, 0), inOpcode(request, 0), inNodeid(request, 0)], [72, Opcode.IOMAP_BEGIN, 12]);
  t.same(
    [iomap.iomapOperation(request, body), iomap.iomapInode(request, body), iomap.iomapPosition(request, body), iomap.iomapCount(request, body)],
    [0, 12, 0, 65536],
  );
  t.equal(
    message(iomap.IOMAP_BEGIN_SIZE, (view) => iomap.writeIomapBegin(view, 0, { operation: 0, inode: 12, position: 0, count: 65536 })),
    hex(new DataView(request.buffer, body)),
  );
  t.equal(reply(6, 64, (view, at) => iomap.writeIomapBeginOut(view, at, extent(), new Mapping().set(0, 131072, PROFILE_A.pureOverwrite))), words(`
    50000000 00000000 06000000 00000000 00000000 00000000 00000200 00000000
    00001002 00000000 02000000 01000000 00000000 00000000 00000200 00000000 ffffffff ffffffff ffff0000 00000000`));
  t.equal(reply(6, 64, (view, at) => iomap.writeIomapBeginOut(view, at, new Mapping().set(0, 131072, PROFILE_A.retryCache), new Mapping().set(0, 131072, PROFILE_A.pureOverwrite))), words(`
    50000000 00000000 06000000 00000000 00000000 00000000 00000200 00000000 ffffffff ffffffff feff0000 00000000
    00000000 00000000 00000200 00000000 ffffffff ffffffff ffff0000 00000000`));
});

t.test('a mapping comes back as it was written', async (t) => {
  const view = new DataView(new ArrayBuffer(32));
  for (const mapping of [extent(), new Mapping().set(2 ** 40, 4096, MappingType.HOLE), new Mapping().set(4096, 2 ** 44, MappingType.UNWRITTEN, MappingFlag.DIRTY, 2 ** 50, 7)]) {
    iomap.writeMapping(view, 0, mapping);
    t.same(iomap.readMapping(view, 0, new Mapping()), mapping);
  }
  iomap.writeMapping(view, 0, new Mapping().set(0, 1, MappingType.HOLE));
  t.equal(view.getBigUint64(16, true), 2n ** 64n - 1n);
  t.equal(iomap.readMapping(view, 0, new Mapping()).address, NO_ADDRESS);
});

t.test('IOEND', async (t) => {
  const request = bytes(`
    58000000 fd0f0000 08000000 00000000 0c000000 00000000 00000000 00000000
    00000000 00000000 32000000 00000000 0c000000 00000000 00100000 00000000
    00080100 00000000 b80b0000 00000000 01000000 00000000`);
  t.same([inLength(request, 0), inOpcode(request, 0)], [88, Opcode.IOMAP_IOEND]);
  const { WRITEBACK, APPEND, UNWRITTEN } = iomap.CompletionFlag;
  t.same([iomap.completionFlags(request, body), iomap.completionError(request, body)], [WRITEBACK | APPEND | UNWRITTEN, 0]);
  t.same([iomap.completionInode(request, body), iomap.completionPosition(request, body), iomap.completionWritten(request, body)], [12, 4096, 3000]);
  t.equal(
    message(48, (view) => iomap.writeIomapCompletion(view, 0, { flags: 0x32, error: 0, inode: 12, position: 4096, address: 0x10800, written: 3000, device: 1 })),
    hex(new DataView(request.buffer, body)),
  );
  t.equal(reply(8, 8, (view, at) => iomap.writeIomapCompletionOut(view, at, 7096)), '18000000 00000000 08000000 00000000 b81b0000 00000000');
});

t.test('END', async (t) => {
  const request = bytes(`
    70000000 ff0f0000 0a000000 00000000 0c000000 00000000 00000000 00000000
    00000000 00000000 01000000 00000000 0c000000 00000000 00200000 00000000
    00100000 00000000 00000000 00000000 00200000 00000000 00100000 00000000 00201002 00000000 03000200 01000000`);
  t.same([inLength(request, 0), inOpcode(request, 0)], [112, Opcode.IOMAP_END]);
  t.equal(iomap.iomapOperation(request, body), IomapOperation.WRITE);
  t.equal(iomap.iomapEndWritten(request, body), 0);
  const mapping = new Mapping().set(8192, 4096, MappingType.UNWRITTEN, MappingFlag.DIRTY, 0x2102000, 1);
  t.same(iomap.iomapEndMapping(request, body, new Mapping()), mapping);
  const begin = { operation: IomapOperation.WRITE, inode: 12, position: 8192, count: 4096 };
  t.equal(message(72, (view) => iomap.writeIomapEnd(view, 0, begin, 0, mapping)), hex(new DataView(request.buffer, body)));
  const failed = new DataView(new ArrayBuffer(72));
  iomap.writeIomapEnd(failed, 0, begin, -28, mapping);
  t.equal(iomap.iomapEndWritten(failed, 0), -28);
});

t.test('notifications', async (t) => {
  const kept = new Mapping().set(0, 131072, PROFILE_A.noCache);
  t.equal(message(96, (view) => writeUpsertMappings(view, 0, 12, 12, extent(), kept)), words(`
    60000000 64000000 00000000 00000000 0c000000 00000000 0c000000 00000000
    00000000 00000000 00000200 00000000 00001002 00000000 02000000 01000000
    00000000 00000000 00000200 00000000 ffffffff ffffffff fdff0000 00000000`));
  t.equal(message(64, (view) => writeInvalMappings(view, 0, 12, 12, { offset: 4096, length: TO_THE_END }, { offset: 0, length: 0 })), words(`
    40000000 65000000 00000000 00000000 0c000000 00000000 0c000000 00000000
    00100000 00000000 ffffffff ffffffff 00000000 00000000 00000000 00000000`));
  t.equal(message(40, (view) => writeBackingInval(view, 0, 1, 0x8000, 4096)), words(`
    28000000 63000000 00000000 00000000 01000000 00000000 00800000 00000000 00100000 00000000`));
});

t.test('CONFIG', async (t) => {
  const config = {
    uuid: Uint8Array.from({ length: 16 }, (_, index) => index),
    blockSize: 4096,
    maxLinks: 65000,
    time: { granularity: 1, earliest: -(2 ** 31), latest: 0x37fffffff },
    maxBytes: 0xffffffff000,
    cacheBytes: 262144,
  };
  t.equal(reply(4, 104, (view, at) => writeIomapConfig(view, at, config, 0x7f)), words(`
    78000000 00000000 04000000 00000000 7e000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00010203 04050607
    08090a0b 0c0d0e0f 10000000 00100000 e8fd0000 01000000 00000080 ffffffff
    ffffff7f 03000000 00f0ffff ff0f0000 00000400 00000000`));
  const view = new DataView(new ArrayBuffer(104));
  writeIomapConfig(view, 0, config, 0x7f);
  const { uuid, ...rest } = config;
  t.same(readIomapConfig(view, 0), { flags: 0x7e, uuidLength: uuid.length, ...rest });
  writeIomapConfig(view, 0, config, 0x04);
  t.match(readIomapConfig(view, 0), { flags: 0x04, blockSize: 4096, maxLinks: 0, uuidLength: 0 }, 'only what the kernel understands');
  const offer = new DataView(new ArrayBuffer(64));
  offer.setUint32(0, 0x7f, true);
  t.equal(configOffer(offer, 0), 0x7f);
});

t.test('operations by class', async (t) => {
  const { WRITE, ZERO, REPORT, UNSHARE, DIRECT, FAULT, ATOMIC } = IomapOperation;
  for (const profile of [PROFILE_A, PROFILE_B]) {
    for (const operation of [WRITE, WRITE | DIRECT, WRITE | FAULT, ZERO, WRITE | UNSHARE, profile.writeback, REPORT | profile.swapFile]) {
      t.ok(iomap.isWriteOperation(profile, operation), `${profile.name} ${operation}`);
    }
    for (const operation of [0, DIRECT, REPORT]) t.notOk(iomap.isWriteOperation(profile, operation), `${profile.name} ${operation}`);
    for (const operation of [REPORT, REPORT | profile.swapFile, WRITE | DIRECT | ATOMIC]) t.ok(iomap.bypassesCache(profile, operation));
    for (const operation of [0, DIRECT, WRITE, ZERO, profile.writeback]) t.notOk(iomap.bypassesCache(profile, operation));
  }
});

t.test('ioctls', async (t) => {
  const code = (direction: number, size: number, number: number): number => ((direction << 30) | (size << 16) | (0xe5 << 8) | number) >>> 0;
  t.same(FuseIoctl, {
    BACKING_OPEN: code(1, 16, 1), BACKING_CLOSE: code(1, 4, 2), IOMAP_SUPPORT: code(2, 16, 99), SET_NOFS: code(1, 4, 100),
    ADD_IOMAP: code(0, 0, 101), BACKING_SET_BLOCKSIZE: code(1, 8, 102),
  });
  t.equal(message(16, (view) => (writeBackingOpen(view, 0, 9), 16)), '09000000 01000000 00000000 00000000');
  t.equal(message(8, (view) => (writeSetBlockSize(view, 0, 1, 4096), 8)), '01000000 00100000');
  t.equal(supportFlags(bytes('03000000 00000000 00000000 00000000'), 0), 3);
});

t.test('flags of attributes', async (t) => {
  const view = new DataView(new ArrayBuffer(104));
  const attributes = {
    inode: 12, size: 0, blocks: 0, atime: 0, mtime: 0, ctime: 0, atimeNanoseconds: 0, mtimeNanoseconds: 0, ctimeNanoseconds: 0,
    mode: 0o100644, links: 1, uid: 0, gid: 0, deviceNumber: 0, blockSize: 4096,
  };
  writeAttrOut(view, 0, { ...attributes, flags: iomap.AttributeFlag.EXCLUSIVE | iomap.AttributeFlag.IOMAP });
  t.equal(view.getUint32(16 + 84, true), 0x0c);
  writeAttrOut(view, 0, attributes);
  t.equal(view.getUint32(16 + 84, true), 0);
});
