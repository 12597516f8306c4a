import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { CorruptionError, FilesystemError } from '../../server/ext4/errors.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { InodeFlags } from '../../server/ext4/layout/inode.js';
import { MappedRange, RangeState } from '../../server/ext4/mapping/mapping.js';
import { logicalBlock } from '../../server/ext4/units.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { DirectoryReader } from './directory-harness.js';
import { cannotMount, KernelImage } from './kernel-image.js';

t.setTimeout(300_000);
const skip = cannotMount();

const COUNT = 2500;
const FILL = `
import os, sys
os.chdir(sys.argv[1])
os.mkdir("small")
for i in range(5): open("small/%d" % i, "w").close()
os.mkdir("large")
for i in range(${COUNT}): os.link("small/0", "large/%d-%s" % (i, "n" * (i % 60)))
`;
const nameOf = (index: number): Uint8Array => new TextEncoder().encode(`${index}-${'n'.repeat(index % 60)}`);

const images = new Map<string, Uint8Array>();

/** The same tree on a filesystem without checksums, with them, and without indexes. */
function bytesOf(features: string): Uint8Array {
  let bytes = images.get(features);
  if (bytes === undefined) {
    const image = new KernelImage({ features, mke2fs: ['-b', '1024'] });
    image.fill(FILL);
    bytes = new Uint8Array(readFileSync(image.path));
    image.remove();
    images.set(features, bytes);
  }
  return bytes.slice();
}

/** A directory whose blocks a test damages before it is read. */
class Patient {
  readonly reader: DirectoryReader;
  readonly path: string;

  constructor(features: string, path: string, damage: (patient: Damage) => void) {
    const device = new MemoryDevice(bytesOf(features));
    damage(new Damage(device, path));
    this.reader = new DirectoryReader(Filesystem.open(device));
    this.path = path;
  }

  get names(): string[] {
    return [...this.reader.list(this.reader.resolve(this.path)).keys()];
  }

  lookup(index: number): number {
    return this.reader.lookup(this.reader.resolve(this.path), nameOf(index));
  }

  get reported(): string[] {
    return this.reader.reports.map((error) => (error instanceof CorruptionError ? `${error.structure}: ${error.detail}` : error.message));
  }
}

class Damage {
  readonly device: MemoryDevice;
  readonly filesystem: Filesystem;
  readonly #path: string;

  constructor(device: MemoryDevice, path: string) {
    this.device = device;
    this.filesystem = Filesystem.open(device);
    this.#path = path;
  }

  /** The directory's block, in the image. */
  block(logical: number): DataView {
    const range = new MappedRange();
    this.filesystem.mapping.map(new DirectoryReader(this.filesystem).resolve(this.#path), logicalBlock(logical), range);
    if (range.state !== RangeState.Written) throw new Error(`block ${logical} is a hole`);
    const { blockSize } = this.filesystem.superblock;
    return new DataView(this.device.bytes.buffer, range.physical * blockSize, blockSize);
  }

  /** The directory's inode, in the image; its checksum is the test's to avoid. */
  inode(): DataView {
    const { block, offset } = new DirectoryReader(this.filesystem).resolve(this.#path);
    const { blockSize, inodeSize } = this.filesystem.superblock;
    return new DataView(this.device.bytes.buffer, block.number * blockSize + offset, inodeSize);
  }

  /** Where the entries of a block begin. */
  entries(logical: number): number[] {
    const view = this.block(logical);
    const offsets: number[] = [];
    for (let at = 0; at < view.byteLength; at += view.getUint16(at + 4, true)) offsets.push(at);
    return offsets;
  }
}

const corruption = (structure: string, detail: RegExp) => ({ name: 'CorruptionError', structure, detail });
const WITHOUT_CHECKSUMS = '^metadata_csum';
const LINEAR = '^metadata_csum,^dir_index';
const everyIndex = Array.from({ length: COUNT }, (_, index) => index);

/** How many names are found; the rest must be declared lost, never absent. */
function countFound(t: Test, patient: Patient): number {
  let found = 0;
  for (const index of everyIndex) {
    try {
      if (patient.lookup(index) > 0) found++;
      else t.fail(`name ${index} is said not to exist`);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
    }
  }
  return found;
}

for (const [what, damage, detail] of [
  ['rec_len 0', (view: DataView, at: number) => view.setUint16(at + 4, 0, true), /rec_len 0 cannot be/],
  ['a rec_len that is no multiple of 4', (view: DataView, at: number) => view.setUint16(at + 4, 18, true), /rec_len 18 cannot be/],
  ['a rec_len that crosses the end', (view: DataView, at: number) => view.setUint16(at + 4, 1024, true), /crosses the end/],
  ['a name longer than its entry', (view: DataView, at: number) => view.setUint8(at + 6, 255), /too small for a name of 255/],
  ['an inode that does not exist', (view: DataView, at: number) => view.setUint32(at, 0xffffff, true), /there is no inode 16777215/],
] as const) {
  for (const features of [WITHOUT_CHECKSUMS, LINEAR]) {
    t.test(`${what} hides only the rest of its block (${features})`, { skip }, async (t) => {
      let lost = 0;
      const patient = new Patient(features, 'large', (image) => {
        const entries = image.entries(3);
        damage(image.block(3), entries[4] as number);
        lost = entries.length - 4;
      });
      t.equal(patient.names.length, COUNT + 2 - lost);
      t.match(patient.reported.join('\n'), detail);
      t.equal(countFound(t, patient), COUNT - lost);
      if (features === LINEAR) t.throws(() => patient.lookup(COUNT), corruption('directory block', detail), 'a name that may have been there');
    });
  }
}

t.test('names that cannot be shown are left out', { skip }, async (t) => {
  const patient = new Patient(WITHOUT_CHECKSUMS, 'small', (image) => {
    const [, , , slash, nul, empty] = image.entries(0) as number[];
    const view = image.block(0);
    view.setUint8((slash as number) + 8, 0x2f);
    view.setUint8((nul as number) + 8, 0);
    view.setUint8((empty as number) + 6, 0);
  });
  t.equal(patient.names.length, 4);
  t.equal(patient.reported.length, 3);
});

t.test('a wrong checksum hides its block, and only that', { skip }, async (t) => {
  let lost = 0;
  const patient = new Patient('metadata_csum', 'large', (image) => {
    lost = image.entries(2).length - 1;
    image.block(2).setUint8(9, image.block(2).getUint8(9) ^ 1);
  });
  t.equal(patient.names.length, COUNT + 2 - lost);
  t.match(patient.reported[0], /checksum is/);
  t.equal(countFound(t, patient), COUNT - lost);
});

for (const [what, damage, detail] of [
  ['an unknown hash', (view: DataView) => view.setUint8(28, 9), /hash_version 9/],
  ['too many levels', (view: DataView) => view.setUint8(30, 2), /indirect_levels 2/],
  ['a wrong info_length', (view: DataView) => view.setUint8(29, 12), /info_length/],
  ['a wrong limit', (view: DataView) => view.setUint16(32, 200, true), /limit is 200/],
  ['too large a count', (view: DataView) => view.setUint16(34, 500, true), /count 500/],
  ['no entries', (view: DataView) => view.setUint16(34, 0, true), /count 0/],
  ['a leaf outside the directory', (view: DataView) => view.setUint32(44, 0xfffff, true), /there are only/],
  ['itself as a leaf', (view: DataView) => view.setUint32(44, 0, true), /leads back to itself/],
] as const) {
  t.test(`an index whose root has ${what} is not used`, { skip }, async (t) => {
    const patient = new Patient(WITHOUT_CHECKSUMS, 'large', (image) => damage(image.block(0)));
    t.equal(patient.names.length, COUNT + 2);
    t.match(patient.reported.join('\n'), detail);
    t.equal(countFound(t, patient), COUNT);
    t.equal(patient.lookup(COUNT), 0);
  });
}

/** Below the root, which has two levels of nodes under it. */
const lastNode = (image: Damage): DataView => image.block(image.block(0).getUint32(44, true));

for (const [what, damage, detail] of [
  ['hashes out of order', (view: DataView) => view.setUint32(24, 0, true), /hash 0 follows/],
  ['an entry that is a name', (view: DataView) => view.setUint32(0, 12, true), /a leaf stands where a node belongs/],
  ['a leaf outside the directory', (view: DataView) => view.setUint32(28, 0xfffff, true), /there are only/],
  ['the root as a leaf', (view: DataView) => view.setUint32(28, 0, true), /leads back to itself/],
  ['a wrong limit', (view: DataView) => view.setUint16(8, 5, true), /limit is 5/],
] as const) {
  t.test(`an index with a node that has ${what} is not used, where that matters`, { skip }, async (t) => {
    const patient = new Patient(WITHOUT_CHECKSUMS, 'large', (image) => damage(lastNode(image)));
    t.equal(patient.names.length, COUNT + 2);
    t.match(patient.reported.join('\n'), detail);
    t.equal(countFound(t, patient), COUNT);
    t.equal(patient.lookup(COUNT), 0);
  });
}

for (const [what, place] of [
  ['root', (image: Damage) => image.block(0)],
  ['node', lastNode],
] as const) {
  t.test(`a ${what} whose checksum is wrong is not used`, { skip }, async (t) => {
    const patient = new Patient('metadata_csum', 'large', (image) => place(image).setUint8(41, place(image).getUint8(41) ^ 1));
    t.equal(patient.names.length, COUNT + 2);
    t.equal(countFound(t, patient), COUNT);
    t.match(patient.reported[0], /htree: checksum is/);
  });
}

t.test('a listing in hash order does not go on in another order', { skip }, async (t) => {
  const patient = new Patient(WITHOUT_CHECKSUMS, 'large', (image) => image.block(0).setUint8(28, 9));
  const dir = patient.reader.resolve('large');
  t.throws(() => patient.reader.directory.iterate(dir, 12345678, () => true), corruption('htree', /hash_version/));
});

t.test('an absurd size costs no time', { skip }, async (t) => {
  for (const features of [WITHOUT_CHECKSUMS, LINEAR]) {
    const patient = new Patient(features, 'large', (image) => image.inode().setUint32(4, 0xfffffc00, true));
    const started = process.cpuUsage();
    t.equal(patient.names.length, COUNT + 2);
    t.equal(countFound(t, patient), COUNT);
    t.ok(process.cpuUsage(started).user < 20e6);
  }
});

t.test('a size within a block covers the block', { skip }, async (t) => {
  const patient = new Patient(LINEAR, 'small', (image) => image.inode().setUint32(4, 100, true));
  t.equal(patient.names.length, 7);
});

t.test('a directory without blocks', { skip }, async (t) => {
  const patient = new Patient(WITHOUT_CHECKSUMS, 'large', (image) => {
    // Extents in the inode: none of them left.
    image.inode().setUint16(0x28 + 2, 0, true);
    image.inode().setUint16(0x28 + 6, 0, true);
  });
  const dir = patient.reader.resolve('large');
  t.same(patient.names, ['2e'], 'only "." is certain');
  t.equal(patient.lookup(1), 0);
  t.equal(patient.reader.directory.isEmpty(dir), true);
  t.throws(() => patient.reader.directory.parent(dir), corruption('directory block', /first block is missing/));
});

t.test('".." that leads nowhere', { skip }, async (t) => {
  const patient = new Patient(WITHOUT_CHECKSUMS, 'small', (image) => image.block(0).setUint32(12, 0, true));
  t.throws(() => patient.reader.directory.parent(patient.reader.resolve('small')), corruption('directory block', /".." leads to inode 0/));
  t.equal(patient.names.length, 6);
});

t.test('inline data that is not there', { skip }, async (t) => {
  const patient = new Patient(WITHOUT_CHECKSUMS, 'small', (image) => {
    const inode = image.inode();
    inode.setUint32(0x20, (inode.getUint32(0x20, true) | InodeFlags.INLINE_DATA) >>> 0, true);
  });
  t.throws(() => patient.lookup(0), CorruptionError);
});

t.test('random damage: nothing but typed errors, and an end', { skip }, async (t) => {
  const seed = Number(process.env['FUSE4FS_SEED'] ?? 150);
  t.comment(`FUSE4FS_SEED=${seed}`);
  const random = new Random(seed);
  const rounds = Number(process.env['TEST_ROUNDS'] ?? 150);
  for (let round = 0; round < rounds; round++) {
    const features = round % 2 === 0 ? WITHOUT_CHECKSUMS : LINEAR;
    const path = random.below(3) === 0 ? 'small' : 'large';
    const patient = new Patient(features, path, (image) => {
      const blocks = path === 'small' ? 1 : 100;
      for (let flips = 1 + random.below(12); flips > 0; flips--) {
        // Mostly the index, and the headers of entries, where damage does most.
        const view = image.block(random.below(2) === 0 ? 0 : random.below(blocks));
        const at = random.below(3) === 0 ? random.below(64) : random.below(view.byteLength);
        view.setUint8(at, random.below(3) === 0 ? random.below(256) : view.getUint8(at) ^ (1 << random.below(8)));
      }
    });
    const dir = patient.reader.resolve(path);
    const attempt = (what: () => unknown): void => {
      try {
        what();
      } catch (error) {
        if (!(error instanceof FilesystemError)) throw new Error(`round ${round}: ${String(error)}`, { cause: error });
      }
    };
    attempt(() => patient.reader.visitAll(dir, 40, () => undefined));
    attempt(() => patient.reader.directory.isEmpty(dir));
    attempt(() => patient.reader.directory.parent(dir));
    for (let tried = 0; tried < 50; tried++) attempt(() => patient.lookup(random.below(COUNT + 10)));
  }
  t.pass(`${rounds} rounds`);
});
