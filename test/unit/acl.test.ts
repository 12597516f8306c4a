import t from 'tap';
import { CorruptionError, errno } from '../../server/ext4/errors.js';
import { checkWireAcl, Tag, writeDiskAcl, writeWireAcl } from '../../server/ext4/xattr/acl.js';
import { Random } from '../support/random.js';

type Entry = readonly [tag: number, permissions: number, id?: number];
const NO_ID = 0xffffffff;

function wire(entries: readonly Entry[], version = 2): Uint8Array {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(version, 0);
  entries.forEach(([tag, permissions, id = NO_ID], index) => {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(permissions, 6 + index * 8);
    bytes.writeUInt32LE(id, 8 + index * 8);
  });
  return new Uint8Array(bytes);
}

const place = { inode: 12 };
const { USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER } = Tag;
const FULL: readonly Entry[] = [[USER_OBJ, 7], [USER, 6, 1000], [USER, 4, 0xfffffffe], [GROUP_OBJ, 5], [GROUP, 1, 70000], [MASK, 7], [OTHER, 0]];
const MINIMAL: readonly Entry[] = [[USER_OBJ, 6], [GROUP_OBJ, 4], [OTHER, 4]];

function toDisk(bytes: Uint8Array): Uint8Array | number {
  const target = new Uint8Array(bytes.length);
  const length = writeDiskAcl(bytes, 0, bytes.length, target, 0);
  return length < 0 ? length : target.subarray(0, length);
}

function toWire(disk: Uint8Array, room = 65536): Uint8Array | number {
  const target = new Uint8Array(65536);
  const length = writeWireAcl(disk, 0, disk.length, target, 0, room, place);
  return length < 0 ? length : target.subarray(0, length);
}

t.test('an ACL survives the way to disk and back', async (t) => {
  for (const entries of [FULL, MINIMAL]) {
    const bytes = wire(entries);
    const disk = toDisk(bytes) as Uint8Array;
    t.same(toWire(disk), bytes);
    t.equal(toWire(disk, bytes.length - 1), -errno.ERANGE);
    t.equal(writeWireAcl(disk, 0, disk.length, new Uint8Array(0), 0, 0, place), bytes.length, 'its size is told without room');
  }
  // Version 1; four entries of four bytes and three of eight.
  t.equal((toDisk(wire(FULL)) as Uint8Array).length, 4 + 4 * 4 + 3 * 8);
  t.same(toDisk(wire(MINIMAL)), Uint8Array.of(1, 0, 0, 0, 1, 0, 6, 0, 4, 0, 4, 0, 0x20, 0, 4, 0));
  t.same(toDisk(wire([])), new Uint8Array(0), 'no entries: no ACL');
});

t.test('what no program may set', async (t) => {
  const refused: Record<string, readonly Entry[]> = {
    'without owner': [[GROUP_OBJ, 4], [OTHER, 4]],
    'without group': [[USER_OBJ, 6], [OTHER, 4]],
    'without others': [[USER_OBJ, 6], [GROUP_OBJ, 4]],
    'two owners': [[USER_OBJ, 6], [USER_OBJ, 6], [GROUP_OBJ, 4], [OTHER, 4]],
    'two masks': [[USER_OBJ, 6], [GROUP_OBJ, 4], [MASK, 4], [MASK, 4], [OTHER, 4]],
    'out of order': [[USER_OBJ, 6], [GROUP_OBJ, 4], [USER, 4, 5], [MASK, 4], [OTHER, 4]],
    'others before the mask': [[USER_OBJ, 6], [USER, 6, 5], [GROUP_OBJ, 4], [OTHER, 4], [MASK, 4]],
    'a named user without a mask': [[USER_OBJ, 6], [USER, 6, 5], [GROUP_OBJ, 4], [OTHER, 4]],
    'a named group without a mask': [[USER_OBJ, 6], [GROUP_OBJ, 4], [GROUP, 6, 5], [OTHER, 4]],
    'a permission that is none': [[USER_OBJ, 8], [GROUP_OBJ, 4], [OTHER, 4]],
    'a tag that is none': [[USER_OBJ, 6], [GROUP_OBJ, 4], [OTHER, 4], [0x40, 4]],
    'two tags in one': [[USER_OBJ | USER, 6], [GROUP_OBJ, 4], [OTHER, 4]],
    'nobody named': [[USER_OBJ, 6], [USER, 6, NO_ID], [GROUP_OBJ, 4], [MASK, 4], [OTHER, 4]],
  };
  for (const [what, entries] of Object.entries(refused)) t.equal(toDisk(wire(entries)), -errno.EINVAL, what);
  t.equal(toDisk(wire(MINIMAL, 1)), -errno.EOPNOTSUPP, 'another version');
  t.equal(toDisk(wire(MINIMAL).subarray(0, 27)), -errno.EINVAL, 'cut short');
  t.equal(toDisk(new Uint8Array(3)), -errno.EINVAL);
  t.equal(checkWireAcl(wire([[USER_OBJ, 6], [GROUP_OBJ, 4], [MASK, 4], [OTHER, 4]]), 0, 36), 4, 'a mask for nobody is allowed');
});

t.test('an ACL on disk that is none', async (t) => {
  const disk = toDisk(wire(FULL)) as Uint8Array;
  for (let length = 1; length < disk.length; length++) {
    const cut = disk.subarray(0, length);
    try {
      const bytes = toWire(cut);
      t.ok(bytes === -errno.ENODATA ? length === 4 : (bytes as Uint8Array).length % 8 === 4, `${length} bytes end between entries`);
    } catch (error) {
      t.type(error, CorruptionError, `${length} bytes`);
    }
  }
  t.throws(() => toWire(Uint8Array.of(2, 0, 0, 0, 1, 0, 6, 0)), CorruptionError, 'version 2 is for system calls');
  t.throws(() => toWire(Uint8Array.of(1, 0, 0, 0, 3, 0, 6, 0)), CorruptionError, 'no such tag');

  const seed = 20240611;
  const random = new Random(seed);
  for (let round = 0; round < 5000; round++) {
    const bytes = random.bytes(random.below(60));
    bytes.set([1, 0, 0, 0].slice(0, bytes.length));
    for (let at = 4; at < bytes.length; at += 4) bytes.set([1 << random.below(7), 0].slice(0, bytes.length - at), at);
    try {
      toWire(bytes);
    } catch (error) {
      if (!(error instanceof CorruptionError)) t.fail(`seed ${seed}, round ${round}: ${String(error)}`);
    }
  }
});
