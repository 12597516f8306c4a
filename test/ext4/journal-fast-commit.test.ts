import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { join } from 'node:path';
import t from 'tap';
import { Directory } from '../../server/ext4/directory/directory.js';
import { FilesystemError } from '../../server/ext4/errors.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { scanFastCommits } from '../../server/ext4/journal/fast-commit-scan.js';
import type { JournalSource } from '../../server/ext4/journal/source.js';
import { crc32c } from '../../server/ext4/layout/crc32c.js';
import { inodeNumber } from '../../server/ext4/units.js';
import { openWritable } from '../crash/images.js';
import { fastCommitCases, hasFastCommits, interrupted, ourTree } from '../support/fast-commit-image.js';
import { JournalLaboratory, journalInodeBlocks } from '../support/journal-image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { corpusDirectory } from '../hostile/corpus.js';

t.setTimeout(180_000);
const laboratory = new JournalLaboratory();
t.teardown(() => laboratory.remove());

const needsMount = process.getuid?.() === 0 && existsSync('/dev/loop-control') ? false : 'needs root and loop devices';

t.test('fast commits of a kernel', { skip: needsMount }, async (t) => {
  for (const features of ['', ',^metadata_csum', ',^dir_index,^64bit']) {
    for (const [name, after] of Object.entries(fastCommitCases)) {
      if (features !== '' && !name.includes('director')) continue;
      const { image, expected } = interrupted(laboratory, features, after);
      t.ok(hasFastCommits(image), `${name}${features}: there are fast commits`);
      const device = MemoryDevice.of(image, true);
      const untouched = device.bytes.slice();
      const problems: string[] = [];
      const filesystem = Filesystem.open(device, { report: (problem) => problems.push(problem.message) });
      t.same(ourTree(filesystem), expected, `${name}${features}: everything is there`);
      t.same(problems, [], `${name}${features}: without complaint`);
      t.equal(Buffer.compare(untouched, device.bytes), 0, 'the device is untouched');
    }
  }
});

const tags = { addRange: 1, removeRange: 2, create: 3, link: 4, unlink: 5, inode: 6, pad: 7, tail: 8, head: 9 };
const SEQUENCE = 7;

/** Writes fast commits into bytes of its own. */
class FastCommitWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #checksum = 0;

  constructor(blocks = 4) {
    this.bytes = new Uint8Array(blocks * 1024);
    this.#view = new DataView(this.bytes.buffer);
  }

  record(tag: number, value: readonly number[], covered = value.length): this {
    this.#view.setUint16(this.#at, tag, true);
    this.#view.setUint16(this.#at + 2, value.length, true);
    this.bytes.set(value, this.#at + 4);
    this.#checksum = crc32c(this.#checksum, this.bytes, this.#at, this.#at + 4 + covered);
    this.#at += 4 + value.length;
    return this;
  }

  head(sequence = SEQUENCE, features = 0): this {
    return this.record(tags.head, [...word(features), ...word(sequence)]);
  }

  create(name: string): this {
    return this.record(tags.create, [...word(2), ...word(12), ...Buffer.from(name)]);
  }

  /** Ends the commit, and fills its block. */
  tail(sequence = SEQUENCE): this {
    const value = this.#at + 4;
    const rest = 1024 - (value % 1024);
    this.record(tags.tail, [...word(sequence), ...new Array<number>(rest - 4).fill(0)], 4);
    this.#view.setUint32(value + 4, this.#checksum, true);
    this.#checksum = 0;
    return this;
  }

  damage(at: number): this {
    this.bytes[at] = (this.bytes[at] as number) ^ 0x10;
    return this;
  }

  names(): { readonly names: readonly string[]; readonly refused: string | undefined } {
    const source: JournalSource = {
      blockSize: 1024,
      blockCount: this.bytes.length / 1024,
      read: (block, target) => target.set(this.bytes.subarray(block * 1024, (block + 1) * 1024)),
    };
    const { records, refused } = scanFastCommits(source, { first: 0, end: source.blockCount }, SEQUENCE, 256);
    return { names: records.map((record) => ('name' in record ? Buffer.from(record.name).toString() : record.kind)), refused: refused?.message };
  }
}

const word = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];

t.test('which fast commits count', async (t) => {
  const nothing = { names: [], refused: undefined };
  const commit = (): FastCommitWriter => new FastCommitWriter().head().create('one').tail();
  t.same(commit().names(), { names: ['one'], refused: undefined });
  t.same(commit().create('two').tail().names(), { names: ['one', 'two'], refused: undefined }, 'two commits');
  t.same(commit().create('two').names(), { names: ['one'], refused: undefined }, 'one without a tail');
  t.same(commit().create('two').tail().damage(1024 + 14).names(), { names: ['one'], refused: undefined }, 'a wrong checksum');
  t.same(commit().damage(30).names(), nothing, 'a wrong checksum in the first');
  t.same(commit().create('two').tail(SEQUENCE - 1).names(), { names: ['one'], refused: undefined }, 'a tail of another transaction');
  t.same(new FastCommitWriter().head(SEQUENCE - 1).create('one').tail().names(), nothing, 'left from another transaction');
  t.same(new FastCommitWriter().create('one').tail().names(), nothing, 'without a head');
  t.same(commit().record(tags.pad, [1, 2, 3]).create('two').tail().names(), { names: ['one', 'two'], refused: undefined }, 'padding');
  t.match(new FastCommitWriter().head(SEQUENCE, 4).create('one').tail().names(), { names: [], refused: /unknown features 0x4/ });
  for (const [name, tag, length] of [
    ['an unknown tag', 10, 4],
    ['a name of no length', tags.create, 8],
    ['a name too long', tags.link, 264],
    ['an inode too short', tags.inode, 131],
    ['an inode too long', tags.inode, 261],
    ['a range too long', tags.addRange, 17],
  ] as const) {
    t.same(commit().record(tag, new Array<number>(length).fill(1)).tail().names(), { names: ['one'], refused: undefined }, name);
  }
});

const corpusImage = join(corpusDirectory, 'e2fsprogs', 'j_recover_fast_commit.image.gz');

t.test('fast commits that ask for the impossible', { skip: existsSync(corpusImage) ? false : 'the corpus of damaged images is not here' }, async (t) => {
  const image = laboratory.file('corpus');
  writeFileSync(image, gunzipSync(readFileSync(corpusImage)));
  const pristine = MemoryDevice.of(image).bytes;
  const tree = ourTree(Filesystem.open(new MemoryDevice(pristine)));
  t.same(Object.keys(tree).sort(), ['', '/a', '/a/data', '/a/new', '/lost+found'], 'as e2fsck and the kernel replay it');

  const start = (journalInodeBlocks(image)[1025] as number) * 1024;
  const TAIL = 722;
  const seed = Number(process.env['SEED'] ?? 20_261_121);
  t.comment(`SEED=${seed}`);
  const random = new Random(seed);
  let replayed = 0;
  for (let round = 0; round < 1500; round++) {
    const device = new MemoryDevice(pristine.slice(), true);
    for (let damage = 0; damage <= random.below(4); damage++) {
      const at = start + 12 + random.below(TAIL - 12);
      device.bytes[at] = random.below(3) === 0 ? 0xff : random.word() & 0xff;
    }
    // Sealed again, so that the damage gets through.
    const view = new DataView(device.bytes.buffer);
    view.setUint32(start + TAIL + 8, crc32c(0, device.bytes, start, start + TAIL + 8), true);
    const problems: FilesystemError[] = [];
    try {
      const filesystem = Filesystem.open(device, { report: (problem) => problems.push(problem) });
      if (!problems.some((problem) => problem.message.includes('last full commit'))) replayed++;
      const directories = new Directory(filesystem);
      for (const number of [2, 12]) directories.iterate(filesystem.inode(inodeNumber(number)), 0, () => true);
      openWritable(new MemoryDevice(device.bytes.slice())).close();
    } catch (error) {
      if (!(error instanceof FilesystemError)) {
        t.fail(`round ${round} of seed ${seed}: ${String((error as Error).stack)}`);
        return;
      }
    }
  }
  t.ok(replayed > 100, `${replayed} of 1500 could still be replayed`);
});
