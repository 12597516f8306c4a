import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { compare, DirectoryReader, kernelListing, type Names } from './directory-harness.js';
import { rootIndirectLevels } from '../../server/ext4/layout/htree.js';
import { MappedRange } from '../../server/ext4/mapping/mapping.js';
import { logicalBlock } from '../../server/ext4/units.js';
import { cannotMount, KernelImage } from './kernel-image.js';

t.setTimeout(300_000);
const skip = cannotMount();

/** Links in one directory, from a list of names in hexadecimal, one a line, on standard input. */
const LINK_ALL = `
import os, sys
os.chdir(sys.argv[1])
os.mkdir("many")
target = None
for index, line in enumerate(sys.stdin):
    if index % 60000 == 0:
        target = "target-%d" % index
        open(target, "w").close()
    os.link(target, b"many/" + bytes.fromhex(line.strip()))
`;

function fillWith(image: KernelImage, names: readonly Uint8Array[]): void {
  const input = names.map((name) => `${Buffer.from(name).toString('hex')}\n`).join('');
  image.mounted('rw', (mountPoint) => execFileSync('python3', ['-c', LINK_ALL, mountPoint], { input }));
}

/** As the root of the index says, which is the first block of the directory. */
function indirectLevels(reader: DirectoryReader, path: string): number {
  const { filesystem } = reader;
  const range = new MappedRange();
  filesystem.mapping.map(reader.resolve(path), logicalBlock(0), range);
  return rootIndirectLevels(filesystem.cache.get(range.physical).view);
}

/** Half of them with bytes above 127, which signed and unsigned hashes see differently. */
const hardNames = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => Buffer.from(index % 2 === 0 ? `plain-${index}` : `schöne-Größe-${index}-日本語`.repeat(1 + (index % 4))));

const SIGNED = 1;
const UNSIGNED = 2;
for (const algorithm of ['legacy', 'half_md4', 'tea']) {
  for (const [kind, flags] of [['signed', SIGNED], ['unsigned', UNSIGNED]] as const) {
    t.test(`${algorithm}, ${kind}`, { skip }, async (t) => {
      const image = new KernelImage({ mke2fs: ['-b', '1024'] });
      t.teardown(() => image.remove());
      execFileSync('tune2fs', ['-E', `hash_alg=${algorithm}`, image.path], { stdio: 'ignore' });
      image.debugfs(`set_super_value flags ${flags}`);
      fillWith(image, hardNames(1000));
      const reader = new DirectoryReader(image.open());
      t.teardown(() => reader.filesystem.close());
      t.equal(reader.filesystem.superblock.flags & 3, flags);
      t.same(compare(reader, kernelListing(image), 11), []);
      t.same(reader.reports, []);
    });
  }
}

/** After 242 times "c", the names that end so have one legacy hash. */
const COLLIDING_ENDS =
  'aihornni atyohbkd awuhmwda bbplzsok bjdmejes brxnbgvc caqrgdrp cbojrwbs chjusssz dhpbpenh dksltawx dogbojoc duaiiezt eopolnvy fwcyxoyr gqchmfxb gsmreykz hgumvxwu'.split(' ');

t.test('names of one hash over several leaves', { skip }, async (t) => {
  const image = new KernelImage({ mke2fs: ['-b', '1024'] });
  t.teardown(() => image.remove());
  execFileSync('tune2fs', ['-E', 'hash_alg=legacy', image.path], { stdio: 'ignore' });
  const colliding = COLLIDING_ENDS.map((end) => Buffer.from(end.padStart(250, 'c')));
  const names = [...colliding.slice(0, 9), ...hardNames(500), ...colliding.slice(9)];
  fillWith(image, names);
  const reader = new DirectoryReader(image.open());
  t.teardown(() => reader.filesystem.close());
  const continued = image.debugfs('htree_dump /many').match(/Hash 0x[0-9a-f]*[13579bdf],/g) ?? [];
  t.ok(continued.length >= 2, `${continued.length} leaves continue others`);
  const expected = kernelListing(image);
  for (const batch of [1, 2, 3, 100, Infinity]) t.same(compare(reader, expected, batch), [], `batches of ${batch}`);
  t.same(reader.reports, []);
});

t.test('three levels of nodes', { skip }, async (t) => {
  const image = new KernelImage({ features: 'large_dir', mke2fs: ['-b', '1024'], size: '64M' });
  t.teardown(() => image.remove());
  fillWith(image, Array.from({ length: 34000 }, (_, index) => Buffer.from(`${index}-`.padEnd(250, 'x'))));
  const reader = new DirectoryReader(image.open());
  t.teardown(() => reader.filesystem.close());
  t.equal(indirectLevels(reader, 'many'), 2);
  t.same(compare(reader, kernelListing(image), 1000), []);
  t.same(reader.reports, []);
});

for (const blockSize of [8192, 65536]) {
  t.test(`blocks of ${blockSize} bytes, larger than the kernel's pages`, async (t) => {
    const source = mkdtempSync(join(tmpdir(), 'fuse4fs-tree-'));
    t.teardown(() => rmSync(source, { recursive: true, force: true }));
    for (const [directory, count] of [['few', 3], ['one-block', 30], ['many', 1500]] as const) {
      mkdirSync(join(source, directory));
      for (let index = 0; index < count; index++) writeFileSync(join(source, directory, `${index}-${'n'.repeat(index % 200)}`), '');
    }
    const image = new KernelImage({ mke2fs: ['-b', String(blockSize), '-N', '6000', '-d', source], size: '64M' });
    t.teardown(() => image.remove());
    const check = (what: string, isIndexed: boolean): void => {
      const reader = new DirectoryReader(image.open());
      t.same(compare(reader, debugfsListing(image, ['few', 'one-block', 'many']), 100), [], what);
      t.equal(reader.resolve('many').hasFlag('INDEX'), isIndexed);
      t.same(reader.reports, []);
      reader.filesystem.close();
    };
    check('linear, as mke2fs makes them', false);
    try {
      execFileSync('e2fsck', ['-fyD', image.path], { stdio: 'ignore' });
    } catch {
      // Its status says that it changed something.
    }
    t.equal(image.fsck(), '');
    check('indexed by e2fsck', true);
  });
}

/** What debugfs lists, for images that the kernel cannot mount. */
function debugfsListing(image: KernelImage, directories: readonly string[]): Map<string, Names> {
  const hex = (name: string): string => Buffer.from(name).toString('hex');
  return new Map(
    directories.map((directory) => {
      const lines = image.debugfs(`ls -p /${directory}`).split('\n').filter((line) => line.startsWith('/'));
      const entries = lines.map((line) => line.split('/')).filter((fields) => fields[5] !== '.' && fields[5] !== '..');
      return [hex(directory), new Map(entries.map((fields) => [hex(fields[5] as string), { inode: Number(fields[1]), type: 1 }]))];
    }),
  );
}
