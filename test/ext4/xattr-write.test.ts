import { copyFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { errno, OperationError } from '../../server/ext4/errors.js';
import type { Inode } from '../../server/ext4/inode.js';
import { inodeNumber } from '../../server/ext4/units.js';
import { namespaceOf } from '../../server/ext4/xattr/namespaces.js';
import type { EntryName } from '../../server/ext4/xattr/entry-editor.js';
import { Random } from '../support/random.js';
import { cannotMount, KernelImage, type ImageOptions, type Surveyed } from './kernel-image.js';
import { Workbench } from './xattr-workbench.js';

const CREATE = 1;
const REPLACE = 2;

/** One call of setxattr or removexattr. */
interface Call {
  readonly file: number;
  readonly name: string;
  /** Null removes. */
  readonly size: number | null;
  /** Values with the same size and pattern are equal. */
  readonly pattern: number;
  readonly flags: number;
}

const FILES = 10;
const MAKE_FILES = `
import os, sys
for number in range(${FILES}):
    open(os.path.join(sys.argv[1], "file%d" % number), "w").close()
`;

/** The same calls, made to the kernel: prints the errno of each. */
const APPLY = `
import json, os, sys
results = []
def value(size, pattern):
    period = bytes((pattern * 7 + index * pattern) & 0xff for index in range(256))
    return (period * (size // 256 + 1))[:size]
for call in json.load(open(sys.argv[2])):
    path = os.path.join(sys.argv[1], "file%d" % call["file"])
    try:
        if call["size"] is None:
            os.removexattr(path, call["name"])
        else:
            os.setxattr(path, call["name"], value(call["size"], call["pattern"]), call["flags"])
        results.append(0)
    except OSError as error:
        results.append(error.errno)
json.dump(results, sys.stdout)
`;

const valueOf = ({ size, pattern }: Call): Uint8Array => Uint8Array.from({ length: size ?? 0 }, (_, index) => (pattern * 7 + index * pattern) & 0xff);

function entryName(name: string): EntryName {
  const bytes = new TextEncoder().encode(name);
  const space = namespaceOf(bytes, 0, bytes.length);
  if (space === undefined) throw new Error(name);
  return { index: space.index, bytes, offset: space.prefix.length, length: bytes.length - space.prefix.length };
}

function randomCalls(random: Random, count: number, sizes: readonly number[]): Call[] {
  const names = ['user.a', 'user.bb', 'trusted.ccc', 'security.dddd', 'user.a-longer-name', `user.${'long'.repeat(30)}`, 'trusted.zz', 'user.z'];
  return Array.from({ length: count }, () => ({
    file: random.below(FILES),
    name: names[random.below(names.length)] as string,
    size: random.below(4) === 0 ? null : (sizes[random.below(sizes.length)] as number),
    pattern: random.below(3),
    flags: random.below(6) === 0 ? CREATE : random.below(6) === 0 ? REPLACE : 0,
  }));
}

function apply(bench: Workbench, inode: Inode, call: Call): number {
  try {
    return bench.run(() => {
      const result =
        call.size === null
          ? bench.attributes.remove(inode, entryName(call.name), true)
          : bench.attributes.set(inode, entryName(call.name), valueOf(call), 0, call.size, call.flags, true);
      return Math.max(0, -result);
    });
  } catch (error) {
    if (error instanceof OperationError) return error.errno;
    throw error;
  }
}

const comparable = (survey: readonly Surveyed[]) =>
  Object.fromEntries(survey.filter(({ path }) => path.startsWith('file')).map(({ path, values }) => [path, Object.fromEntries(Object.entries(values).sort())]));

const SMALL = [0, 1, 3, 4, 5, 8, 17, 40, 80, 120, 200, 350];
const IMAGES: Record<string, ImageOptions & { readonly sizes: readonly number[] }> = {
  'inodes of 256 bytes': { mke2fs: ['-b', '1024', '-I', '256'], sizes: SMALL },
  'inodes of 128 bytes': { mke2fs: ['-b', '1024', '-I', '128'], sizes: SMALL },
  'inodes of 1024 bytes, without checksums': { features: '^metadata_csum', mke2fs: ['-b', '4096', '-I', '1024'], size: '32M', sizes: [...SMALL, 1000, 2000, 3900] },
  'inline data beside': { features: 'inline_data', mke2fs: ['-b', '1024', '-I', '512'], sizes: SMALL },
  'values in inodes': { features: 'ea_inode', mke2fs: ['-b', '1024', '-I', '256'], sizes: [...SMALL, 900, 960, 970, 1000, 1500, 5000] },
  'values in inodes, 4 KiB blocks': { features: 'ea_inode', mke2fs: ['-b', '4096', '-I', '256'], size: '32M', sizes: [...SMALL, 2000, 4000, 4096, 20000, 65536] },
  'clusters': { features: 'bigalloc,ea_inode', mke2fs: ['-b', '1024', '-C', '4096', '-I', '128'], size: '32M', sizes: [...SMALL, 1000, 6000] },
};

t.test('setting and removing attributes ends as with the kernel', { skip: cannotMount() }, async (t) => {
  const seed = Number(process.env['FUSE4FS_SEED'] ?? 77);
  t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
  for (const [what, { sizes, ...options }] of Object.entries(IMAGES)) {
    await t.test(what, async (t) => {
      const random = new Random(seed);
      const image = new KernelImage(options);
      t.teardown(() => image.remove());
      image.fill(MAKE_FILES);
      const inodes = Object.fromEntries(image.survey().map(({ path, inode }) => [path, inodeNumber(inode)]));
      const pristine = `${image.path}.pristine`;
      copyFileSync(image.path, pristine);

      const calls = randomCalls(random, 800, sizes);
      const list = `${image.path}.json`;
      writeFileSync(list, JSON.stringify(calls));
      const kernelResults = image.mounted('rw', (mountPoint) => JSON.parse(execFileSync('python3', ['-c', APPLY, mountPoint, list], { maxBuffer: 1 << 26 }).toString()) as number[]);
      const kernelSurvey = comparable(image.survey());

      copyFileSync(pristine, image.path);
      const bench = new Workbench(image.path);
      let differences = 0;
      for (const [index, call] of calls.entries()) {
        const result = apply(bench, bench.filesystem.inode(inodes[`file${call.file}`] ?? inodeNumber(0)), call);
        if (result !== kernelResults[index] && differences++ < 3) t.equal(result, kernelResults[index], `call ${index}: ${JSON.stringify(call)}`);
        if (index % 100 === 99) bench.transactions.commit();
        bench.filesystem.trim();
      }
      t.equal(differences, 0, 'every call has the result that it has with the kernel');
      const counts = new Map<number, number>();
      for (const result of kernelResults) counts.set(result, (counts.get(result) ?? 0) + 1);
      t.comment(JSON.stringify([...counts]));

      bench.save(image.path);
      t.equal(image.fsck(), '', 'e2fsck finds nothing');
      t.same(comparable(image.survey()), kernelSurvey, 'the kernel sees the same attributes');
    });
  }
});

t.test('an operation that is taken back leaves nothing', { skip: cannotMount() }, async (t) => {
  const image = new KernelImage({ features: 'ea_inode', mke2fs: ['-b', '1024', '-I', '256'] });
  t.teardown(() => image.remove());
  image.fill(MAKE_FILES);
  const inodes = Object.fromEntries(image.survey().map(({ path, inode }) => [path, inodeNumber(inode)]));
  const bench = new Workbench(image.path);
  const file = (number: number): Inode => bench.filesystem.inode(inodes[`file${number}`] ?? inodeNumber(0));
  const random = new Random(5);
  const sizes = [0, 10, 100, 400, 1000, 4000];
  const calls = randomCalls(random, 600, sizes);
  const model = new Map<string, string>();
  for (const call of calls) {
    if (random.below(3) > 0) {
      t.throws(() => bench.run(() => {
        bench.attributes.set(file(call.file), entryName(call.name), valueOf(call), 0, call.size ?? 0, 0, true);
        throw new OperationError(errno.EIO, 'taken back');
      }), { code: 'OPERATION' });
    } else if (apply(bench, file(call.file), { ...call, flags: 0 }) === 0) {
      const key = `file${call.file} ${call.name}`;
      if (call.size === null) model.delete(key);
      else model.set(key, Buffer.from(valueOf(call)).toString('hex'));
    }
    if (random.below(50) === 0) bench.transactions.commit();
  }
  bench.save(image.path);
  t.equal(image.fsck(), '');
  const found = image.survey().flatMap(({ path, values }) => Object.entries(values).map(([name, value]) => [`${path} ${name}`, value] as const));
  t.same(new Map(found.sort()), new Map([...model].sort()));
});

t.test('inodes share blocks and values, and give them back', { skip: cannotMount() }, async (t) => {
  const image = new KernelImage({ features: 'ea_inode', mke2fs: ['-b', '1024', '-I', '128'] });
  t.teardown(() => image.remove());
  image.fill(MAKE_FILES);
  const inodes = Object.fromEntries(image.survey().map(({ path, inode }) => [path, inodeNumber(inode)]));
  const bench = new Workbench(image.path);
  const files = Array.from({ length: FILES }, (_, number) => inodes[`file${number}`] ?? inodeNumber(0));
  const { totals } = bench.counters;
  const before = { ...totals };
  const large: Call = { file: 0, name: 'user.large', size: 3000, pattern: 1, flags: 0 };
  for (const number of files) {
    t.equal(apply(bench, bench.filesystem.inode(number), { ...large, name: 'user.small', size: 5 }), 0);
    t.equal(apply(bench, bench.filesystem.inode(number), large), 0);
  }
  t.equal(new Set(files.map((number) => bench.filesystem.inode(number).xattrBlock)).size, 1, 'one block for all');
  t.equal(before.freeInodes - totals.freeInodes, 1, 'one inode for the value');
  t.equal(before.freeClusters - totals.freeClusters - 3 <= 3, true, `${before.freeClusters - totals.freeClusters} blocks in use or waiting to be freed`);
  t.same(bench.filesystem.inode(files[3] ?? inodeNumber(0)).sectors, (1 + 3) * 2, 'each counts what it shares');

  for (const number of files.slice(0, FILES - 1)) {
    bench.run(() => {
      const inode = bench.filesystem.inode(number);
      bench.attributes.removeAll(inode);
    });
    t.equal(bench.filesystem.inode(number).sectors, 0);
  }
  t.equal(before.freeInodes - totals.freeInodes, 1, 'the last one keeps the value');
  bench.save(image.path);
  t.equal(image.fsck(), '');
  t.equal(image.survey().find(({ path }) => path === `file${FILES - 1}`)?.values['user.large'], Buffer.from(valueOf(large)).toString('hex'));

  const again = new Workbench(image.path);
  again.run(() => {
    again.attributes.removeAll(again.filesystem.inode(files[FILES - 1] ?? inodeNumber(0)));
  });
  t.same({ ...again.counters.totals }, before, 'nothing is lost');
  again.save(image.path);
  t.equal(image.fsck(), '');
});
