/** FIEMAP, SEEK_DATA and SEEK_HOLE of mounts for iomap, beside the kernel's ext4 on the same files. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { dataKinds, type DataKind } from '../../mount/data-exerciser.js';
import { run } from '../../support/command.js';
import { makeImage } from '../../support/image.js';
import { manifestDifferences, treeManifest, type Manifest } from '../../support/manifest.js';
import { fuseMount, kernelMount } from '../../support/mount.js';
import { nativeProgram } from '../../support/native.js';
import { scratchDirectory } from '../../support/scratch.js';

t.setTimeout(3_600_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 650);
const OPERATIONS = 1500;
const FAR = (12 + 256 + 256 * 256) * 1024 - 128 * 1024;
/** Of a file that needs several extents, where blocks are small: one has 32,768 blocks. */
const LONG = 40 << 20;

interface Layout {
  /** Where each file's data is, as filefrag has it. */
  readonly extents: Readonly<Record<string, readonly string[]>>;
  readonly tree: Manifest;
}

interface Extent {
  logical: number;
  end: number;
  physical: number;
  flags: string;
}

/** Extents that lie behind each other are one: drivers may tell them in any pieces. */
function joined(extents: readonly Extent[]): Extent[] {
  const result: Extent[] = [];
  for (const extent of extents) {
    const last = result.at(-1);
    const isNext = last !== undefined && last.end + 1 === extent.logical && last.physical + (extent.logical - last.logical) === extent.physical && last.flags === extent.flags;
    if (isNext) last.end = extent.end;
    else result.push({ ...extent });
  }
  return result;
}

function extentsIn(told: string): string[] {
  const line = /^ *\d+: +(\d+)\.\. +(\d+): +(\d+)\.\. +\d+: +\d+:(?: +\d+:)? *(\S*)$/gm;
  const found = [...told.matchAll(line)].map(([, logical, end, physical, words = '']): Extent => {
    const flags = words.split(',').filter((flag) => flag !== 'last' && flag !== 'eof' && flag !== 'merged').sort();
    // Where in its inode a file's data is, only ext4 tells.
    return { logical: Number(logical), end: Number(end), physical: flags.includes('inline') ? 0 : Number(physical), flags: flags.join() };
  });
  return joined(found).map(({ logical, end, physical, flags }) => `${logical}-${end} at ${physical} ${flags}`);
}

async function layoutOf(target: string): Promise<Layout> {
  const extents: Record<string, readonly string[]> = {};
  for (const entry of readdirSync(target, { withFileTypes: true }))
    if (entry.isFile()) extents[entry.name] = extentsIn((await run('filefrag', ['-v', join(target, entry.name)])).toString());
  return { extents, tree: await treeManifest(target) };
}

async function exercise(directory: string, name: string, target: string, extents: boolean): Promise<void> {
  const expected = join(directory, name);
  mkdirSync(expected);
  await run(await nativeProgram('exercise-file'), [target, seed, OPERATIONS, 0, expected, FAR, ...(extents ? ['extents'] : []), 'collapse'].map(String));
  await run('dd', ['if=/dev/urandom', `of=${join(target, 'long')}`, 'bs=1M', `count=${LONG >> 20}`, 'status=none']);
  await run('sync', ['-f', target]);
  // Pages that are cached of what is reserved only count as data, with the kernel's ext4, too.
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

function assertSameLayout(t: Test, kernel: Layout, ours: Layout, when: string): void {
  t.strictSame(ours.extents, kernel.extents, `FIEMAP tells the same ${Object.values(kernel.extents).flat().length} extents, ${when}`);
  t.strictSame(manifestDifferences(kernel.tree, ours.tree, ['atime']), [], `SEEK_DATA and SEEK_HOLE, too, ${when}`);
}

async function compare(t: Test, { name, recipe, extents }: DataKind): Promise<void> {
  const directory = scratchDirectory(t, 'extents');
  const image = (writer: string): Promise<string> => makeImage(directory, { ...recipe, size: 256 << 20 }, `${name.replace(/\W+/g, '-')}-${writer}`);

  const theirs = await image('kernel');
  await kernelMount(theirs, [], (target) => exercise(directory, 'kernel', target, extents));
  assertSameLayout(t, await kernelMount(theirs, ['ro'], layoutOf), await fuseMount(theirs, ['ro'], layoutOf), 'of files that the kernel wrote');

  const own = await image('ours');
  const before = await fuseMount(own, [], async (target) => {
    await exercise(directory, 'ours', target, extents);
    return layoutOf(target);
  });
  const kernel = await kernelMount(own, ['ro'], layoutOf);
  assertSameLayout(t, kernel, before, 'of files that we wrote, and have open no more');
  assertSameLayout(t, kernel, await fuseMount(own, ['ro'], layoutOf), 'and after another mount');
}

for (const kind of dataKinds.filter(({ name }) => name.includes(process.env['FUSE4FS_KIND'] ?? ''))) t.test(`${kind.name}, seed ${seed}`, (t) => compare(t, kind));
