import t from 'tap';
import { writeAttrOut, writeEntryOut, writeNegativeEntryOut, writeUnknownEntryOut } from '../../protocol/fuse/attributes.js';
import { direntPlusSize, direntSize, writeDirent } from '../../protocol/fuse/directory-entry.js';
import { InitFlag, toNames, toWords } from '../../protocol/fuse/init-flags.js';
import { Opcode, opcodeSlot, requestShapes } from '../../protocol/fuse/opcodes.js';
import { writeStatfsOut } from '../../protocol/fuse/statfs.js';
import { AttributeFlag } from '../../protocol/fuse/iomap.js';
import { writeStatxOut, type BirthAttributes } from '../../protocol/fuse/statx.js';
import { readI64, readU64, write64, writeMaximumU64 } from '../../protocol/fuse/word64.js';

const attributes: BirthAttributes = {
  inode: 0x1_0000_0002,
  size: 2 ** 43 + 5,
  blocks: 2 ** 34 + 1,
  atime: -1,
  mtime: 2 ** 33,
  ctime: -(2 ** 31),
  atimeNanoseconds: 999_999_999,
  mtimeNanoseconds: 1,
  ctimeNanoseconds: 2,
  mode: 0o104755,
  links: 65000,
  uid: 0xfffffffe,
  gid: 100,
  // glibc's makedev(259, 0x12345) in the kernel's 32 bits
  deviceNumber: 0x12310345,
  blockSize: 4096,
  birthKnown: true,
  birth: 2 ** 32 + 7,
  birthNanoseconds: 8,
};

/** A buffer full of what must be overwritten. */
const dirty = (length: number): DataView => new DataView(new Uint8Array(length).fill(0xaa).buffer);
const untouched = (view: DataView, from: number): boolean =>
  new Uint8Array(view.buffer).subarray(from).every((byte) => byte === 0xaa);

t.test('64-bit words', async (t) => {
  const view = new DataView(new ArrayBuffer(8));
  for (const value of [0, 1, 0xffffffff, 0x1_0000_0000, 2 ** 48 + 3, Number.MAX_SAFE_INTEGER]) {
    write64(view, 0, value);
    t.equal(view.getBigUint64(0, true), BigInt(value));
    t.equal(readU64(view, 0), value);
    write64(view, 0, -value);
    t.equal(view.getBigInt64(0, true), BigInt(-value));
    t.equal(readI64(view, 0), value === 0 ? 0 : -value);
  }
  writeMaximumU64(view, 0);
  t.equal(view.getBigUint64(0, true), 2n ** 64n - 1n);
});

t.test('attr_out', async (t) => {
  const view = dirty(112);
  t.equal(writeAttrOut(view, 0, attributes), 104);
  t.equal(view.getBigUint64(0, true), 2n ** 64n - 1n, 'valid for ever');
  t.equal(view.getBigUint64(8, true), 0n);
  const at = 16;
  t.equal(view.getBigUint64(at, true), 0x1_0000_0002n);
  t.equal(view.getBigUint64(at + 8, true), BigInt(attributes.size));
  t.equal(view.getBigUint64(at + 16, true), BigInt(attributes.blocks));
  t.equal(view.getBigInt64(at + 24, true), -1n);
  t.equal(view.getBigInt64(at + 32, true), 2n ** 33n);
  t.equal(view.getBigInt64(at + 40, true), -(2n ** 31n));
  t.same([48, 52, 56].map((offset) => view.getUint32(at + offset, true)), [999_999_999, 1, 2]);
  t.equal(view.getUint32(at + 60, true), 0o104755);
  t.equal(view.getUint32(at + 64, true), 65000);
  t.equal(view.getUint32(at + 68, true), 0xfffffffe);
  t.equal(view.getUint32(at + 72, true), 100);
  t.equal(view.getUint32(at + 76, true), 0x12310345);
  t.equal(view.getUint32(at + 80, true), 4096);
  t.equal(view.getUint32(at + 84, true), 0);
  t.ok(untouched(view, 104));
});

t.test('entry_out', async (t) => {
  const view = dirty(136);
  t.equal(writeEntryOut(view, 0, 12, 77, attributes), 128);
  t.equal(view.getBigUint64(0, true), 12n);
  t.equal(view.getBigUint64(8, true), 77n);
  t.equal(view.getBigUint64(16, true), 2n ** 64n - 1n);
  t.equal(view.getBigUint64(24, true), 2n ** 64n - 1n);
  t.equal(view.getBigUint64(32, true), 0n);
  t.equal(view.getUint32(40 + 60, true), 0o104755);
  t.ok(untouched(view, 128));

  const negative = dirty(136);
  t.equal(writeNegativeEntryOut(negative, 0), 128);
  t.equal(negative.getBigUint64(0, true), 0n);
  t.equal(negative.getBigUint64(16, true), 2n ** 64n - 1n, 'a missing name is remembered for ever');
  t.ok(new Uint8Array(negative.buffer, 24, 104).every((byte) => byte === 0));
  t.ok(untouched(negative, 128));

  const unknown = dirty(136);
  t.equal(writeUnknownEntryOut(unknown, 0), 128);
  t.ok(new Uint8Array(unknown.buffer, 0, 128).every((byte) => byte === 0));
  t.ok(untouched(unknown, 128));
});

t.test('statx_out', async (t) => {
  const view = dirty(296);
  t.equal(writeStatxOut(view, 0, attributes), 288);
  const at = 32;
  t.equal(view.getUint32(at, true), 0xfff);
  t.equal(view.getUint16(at + 28, true), 0o104755);
  t.equal(view.getBigUint64(at + 32, true), 0x1_0000_0002n);
  t.equal(view.getBigInt64(at + 64, true), -1n);
  t.equal(view.getBigInt64(at + 80, true), 2n ** 32n + 7n);
  t.equal(view.getUint32(at + 88, true), 8);
  t.equal(view.getBigInt64(at + 96, true), -(2n ** 31n), 'ctime');
  t.equal(view.getBigInt64(at + 112, true), 2n ** 33n, 'mtime');
  t.same([128, 132, 136, 140].map((offset) => view.getUint32(at + offset, true)), [259, 0x12345, 0, 0]);
  t.ok(untouched(view, 288));
  writeStatxOut(view, 0, { ...attributes, birthKnown: false });
  t.equal(view.getUint32(at, true), 0x7ff);
  t.equal(view.getBigInt64(at + 80, true), 0n);
  t.same([168, 172, 176].map((offset) => view.getUint32(at + offset, true)), [0, 0, 0], 'nothing of untorn writes');
  writeStatxOut(view, 0, { ...attributes, flags: AttributeFlag.ATOMIC });
  t.equal(view.getUint32(at, true), 0x10fff);
  t.same([168, 172, 176, 180].map((offset) => view.getUint32(at + offset, true)), [attributes.blockSize, attributes.blockSize, 1, 0], 'of one block each');
});

t.test('statfs_out', async (t) => {
  const view = dirty(88);
  const length = writeStatfsOut(view, 0, {
    blocks: 2 ** 40,
    freeBlocks: 5,
    availableBlocks: 4,
    files: 3,
    freeFiles: 2,
    blockSize: 1024,
    maximumNameLength: 255,
  });
  t.equal(length, 80);
  t.same([0, 8, 16, 24, 32].map((offset) => view.getBigUint64(offset, true)), [2n ** 40n, 5n, 4n, 3n, 2n]);
  t.same([40, 44, 48, 52].map((offset) => view.getUint32(offset, true)), [1024, 255, 1024, 0]);
  t.ok(untouched(view, 80));
});

t.test('dirent', async (t) => {
  const name = new TextEncoder().encode('xxhello');
  t.equal(direntSize(5), 32);
  t.equal(direntSize(8), 32);
  t.equal(direntSize(9), 40);
  t.equal(direntPlusSize(5), 160);
  const view = dirty(48);
  const bytes = new Uint8Array(view.buffer);
  t.equal(writeDirent(view, bytes, 8, 11, 2 ** 40 + 1, 8, name, 2, 5), 32);
  t.equal(view.getBigUint64(8, true), 11n);
  t.equal(view.getBigUint64(16, true), 2n ** 40n + 1n);
  t.equal(view.getUint32(24, true), 5);
  t.equal(view.getUint32(28, true), 8);
  t.same([...bytes.subarray(32, 40)], [...new TextEncoder().encode('hello'), 0, 0, 0]);
  t.ok(untouched(view, 40));
});

t.test('INIT flags', async (t) => {
  const words = toWords(['ASYNC_READ', 'INIT_EXT', 'SECURITY_CTX', 'ALLOW_IDMAP']);
  t.same(words, { flags: 0x40000001, flags2: 0x101 });
  t.same(toNames(words), new Set(['ASYNC_READ', 'INIT_EXT', 'SECURITY_CTX', 'ALLOW_IDMAP']));
  t.same(toNames({ flags: 1, flags2: 0x101 }), new Set(['ASYNC_READ']), 'flags2 means nothing without INIT_EXT');
  const bits = Object.values(InitFlag);
  t.equal(new Set(bits).size, bits.length);
});

t.test('every opcode has a shape', async (t) => {
  for (const [name, opcode] of Object.entries(Opcode)) t.equal(requestShapes[opcodeSlot(opcode)]?.name, name);
});
