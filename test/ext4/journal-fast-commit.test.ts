import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { Directory } from '../../server/ext4/directory/directory.js';
import { FilesystemError } from '../../server/ext4/errors.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { scanFastCommits } from '../../server/ext4/journal/fast-commit/scan.js';
import type { JournalSource } from '../../server/ext4/journal/source.js';
import { crc32c } from '../../server/ext4/layout/crc32c.js';
import { inodeNumber } from '../../server/ext4/units.js';
import { JournalLaboratory, journalInodeBlocks, run } from '../support/journal-image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';

t.setTimeout(180_000);
const laboratory = new JournalLaboratory();
t.teardown(() => laboratory.remove());

const needsMount = process.getuid?.() === 0 && existsSync('/dev/loop-control') ? false : 'needs root and loop devices';
const FAST_COMMIT_KIB = 1024;

/** Path to what is to be seen there: type and mode, links, size, SHA-1 of contents. */
type Tree = Record<string, string>;

/** The size of a directory is left out: names may need more or fewer blocks when they are put in again. */
function describe(mode: number, links: number, size: number, content: Uint8Array): string {
  return `${mode.toString(8)} ${links} ${size} ${createHash('sha1').update(content).digest('hex')}`;
}

function kernelTree(root: string, path = '', tree: Tree = {}): Tree {
  const state = lstatSync(join(root, path));
  const content = state.isFile() ? readFileSync(join(root, path)) : new Uint8Array();
  tree[path] = describe(state.mode, state.nlink, state.isDirectory() ? 0 : state.size, content);
  if (state.isDirectory()) for (const name of readdirSync(join(root, path))) kernelTree(root, `${path}/${name}`, tree);
  return tree;
}

function ourTree(filesystem: Filesystem): Tree {
  const directories = new Directory(filesystem);
  const tree: Tree = {};
  const visit = (number: number, path: string): void => {
    const inode = filesystem.inode(inodeNumber(number));
    const content = new Uint8Array(inode.isRegular ? inode.size : 0);
    filesystem.content.read(inode, 0, content.length, content, 0);
    tree[path] = describe(inode.mode, inode.links, inode.isDirectory ? 0 : inode.size, content);
    if (!inode.isDirectory) return;
    const children: [string, number][] = [];
    directories.iterate(inode, 0, (entry) => {
      children.push([Buffer.from(entry.bytes.subarray(entry.nameOffset, entry.nameOffset + entry.nameLength)).toString(), entry.inode]);
      return true;
    });
    for (const [name, child] of children) {
      const found = directories.lookup(inode, Buffer.from(name), 0, name.length);
      if (found !== child) t.fail(`${path}/${name} is listed as inode ${child} and found as ${found}`);
      if (name !== '.' && name !== '..') visit(child, `${path}/${name}`);
    }
  };
  visit(2, '');
  return tree;
}

function makeDurable(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

function writeDurably(path: string, content: Uint8Array | string, position = 0): void {
  const fd = openSync(path, existsSync(path) ? 'r+' : 'w');
  writeSync(fd, Buffer.from(content), 0, undefined, position);
  fsyncSync(fd);
  closeSync(fd);
}

/** An image as it is while the kernel uses it, with fast commits in its journal; and what the kernel sees in it. */
function interrupted(features: string, before: (root: string) => void, after: (root: string) => void): { readonly image: string; readonly expected: Tree } {
  const image = laboratory.file('image');
  writeFileSync(image, '');
  const journal = `size=4,fast_commit_size=${FAST_COMMIT_KIB}`;
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', '-O', `fast_commit,^orphan_file${features}`, '-J', journal, image, '64M']);
  const root = laboratory.file('mount');
  mkdirSync(root);
  const loop = run('losetup', ['-f', '--show', image]).trim();
  try {
    run('mount', ['-t', 'ext4', loop, root]);
  } finally {
    run('losetup', ['-d', loop]);
  }
  try {
    before(root);
    run('sync', ['-f', root]);
    // There are no fast commits before a transaction was committed in full.
    writeFileSync(join(root, 'committed'), 'in full');
    run('sync', ['-f', root]);
    after(root);
    const copy = laboratory.copy(image);
    return { image: copy, expected: kernelTree(root) };
  } finally {
    if (spawnSync('umount', [root]).status !== 0) spawnSync('umount', ['-l', root]);
  }
}

function hasFastCommits(image: string): boolean {
  const device = MemoryDevice.of(image, true);
  const blocks = journalInodeBlocks(image);
  const first = (blocks.length - FAST_COMMIT_KIB / 4 + 1) as number;
  return new DataView(device.bytes.buffer).getUint16((blocks[first] as number) * 4096, true) === 9;
}

const longNames = (count: number): string[] => Array.from({ length: count }, (_, index) => `a-name-so-long-that-few-of-them-fill-a-block-of-the-directory-${index}`);

t.test('fast commits of a kernel', { skip: needsMount }, async (t) => {
  const before = (root: string): void => {
    mkdirSync(join(root, 'directory'));
    mkdirSync(join(root, 'indexed'));
    for (const name of longNames(300)) writeFileSync(join(root, 'indexed', name), name);
    for (const name of ['moved', 'removed', 'replaced', 'replacing', 'linked']) writeFileSync(join(root, name), name);
    writeFileSync(join(root, 'holes'), Buffer.alloc(40_000, 1));
    writeFileSync(join(root, 'overwritten'), Buffer.alloc(40_000, 2));
  };
  const cases: readonly (readonly [string, (root: string) => void])[] = [
    ['new files', (root) => {
      for (let index = 0; index < 20; index++) writeDurably(join(root, `new-${index}`), `content ${index}`);
    }],
    ['names', (root) => {
      linkSync(join(root, 'linked'), join(root, 'directory', 'link'));
      renameSync(join(root, 'moved'), join(root, 'directory', 'moved'));
      renameSync(join(root, 'replacing'), join(root, 'replaced'));
      unlinkSync(join(root, 'removed'));
      makeDurable(join(root, 'linked'));
      writeDurably(join(root, 'takes-a-free-inode'), 'new content');
    }],
    ['directories', (root) => {
      for (const name of ['one', 'one/two', 'one/two/three', 'one/gone']) mkdirSync(join(root, name));
      writeDurably(join(root, 'one/two/file'), 'deep');
      rmdirSync(join(root, 'one/gone'));
      renameSync(join(root, 'moved'), join(root, 'one', 'moved'));
      writeDurably(join(root, 'last'), '');
    }],
    ['a directory that grows', (root) => {
      for (const name of longNames(150)) writeFileSync(join(root, 'directory', name), '');
      writeDurably(join(root, 'last'), '');
    }],
    ['an indexed directory', (root) => {
      const names = longNames(340);
      for (const name of names.slice(0, 10)) unlinkSync(join(root, 'indexed', name));
      for (const name of names.slice(300)) writeDurably(join(root, 'indexed', name), name);
    }],
    ['ranges', (root) => {
      for (let block = 0; block < 40; block += 2) writeDurably(join(root, 'sparse'), Buffer.alloc(4096, block), block * 4096);
      execFileSync('fallocate', ['-p', '-o', '8192', '-l', '8192', join(root, 'holes')]);
      makeDurable(join(root, 'holes'));
      truncateSync(join(root, 'overwritten'), 10_000);
      writeDurably(join(root, 'overwritten'), Buffer.alloc(20_000, 3), 12_000);
      execFileSync('fallocate', ['-l', '1M', join(root, 'reserved')]);
      writeDurably(join(root, 'reserved'), 'in the middle', 500_000);
    }],
    ['one file written again and again', (root) => {
      for (let round = 0; round < 60; round++) writeDurably(join(root, 'again'), Buffer.alloc(3000, round), round * 2500);
    }],
  ];
  for (const features of ['', ',^metadata_csum', ',^dir_index,^64bit']) {
    for (const [name, after] of cases) {
      if (features !== '' && !name.includes('director')) continue;
      const { image, expected } = interrupted(features, before, after);
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

const corpusImage = '/work/shared/corpus/e2fsprogs/j_recover_fast_commit.image.gz';

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
    } catch (error) {
      if (!(error instanceof FilesystemError)) {
        t.fail(`round ${round} of seed ${seed}: ${String((error as Error).stack)}`);
        return;
      }
    }
  }
  t.ok(replayed > 100, `${replayed} of 1500 could still be replayed`);
});
