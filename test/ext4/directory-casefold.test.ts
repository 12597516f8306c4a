import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { DirectoryReader } from './directory-harness.js';
import { KernelImage } from './kernel-image.js';

t.setTimeout(300_000);
const CASEFOLD_DIRECTORY_FLAGS = 0x40080000;
const NOT_UTF8 = Buffer.from([0x42, 0xff, 0x41]);
const encoder = new TextEncoder();

/** Each with spellings that must find it, and others that must not. */
const SPELLINGS: readonly { readonly name: string; readonly alike: readonly string[]; readonly different: readonly string[] }[] = [
  { name: 'ReadMe.TXT', alike: ['readme.txt', 'README.TXT', 'ReadMe.TXT', 'read\u00adme.txt'], different: ['readme.txt ', 'readme'] },
  { name: 'Straße', alike: ['STRASSE', 'strasse', 'Strasſe'], different: ['Strase'] },
  { name: 'Ångström', alike: ['ångström', 'A\u030angstro\u0308m', 'ÅNGSTRÖM', '\u212bngström'], different: ['angstrom'] },
  { name: 'ΌΔΟΣ', alike: ['όδος', 'Όδοσ'], different: ['οδος'] },
  { name: '한글', alike: ['\u1112\u1161\u11ab\u1100\u1173\u11af'], different: ['한'] },
  { name: '\u{10570}', alike: ['\u{10570}'], different: ['\u{10597}'] },
];

/** A directory tree for mke2fs, and how many files are in its directory `folded`. */
function tree(t: Test, many: number): { path: string; names: Buffer[] } {
  const path = mkdtempSync(join(tmpdir(), 'fuse4fs-casefold-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  mkdirSync(join(path, 'folded'));
  const names = [
    ...SPELLINGS.map(({ name }) => Buffer.from(name)),
    // e2fsck builds no index over a name that is not UTF-8.
    ...(many > 100 ? [] : [NOT_UTF8]),
    ...Array.from({ length: many }, (_, index) => Buffer.from(`File-${index}-ÀÉ-${'Q'.repeat(index % 40)}`)),
  ];
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${path}/folded/`), name]), '');
  return { path, names };
}

/** The kernel may lack Unicode support; mke2fs and e2fsck, which builds the index, never do. */
function makeImage(t: Test, many: number, strict: boolean): { reader: DirectoryReader; names: Buffer[] } {
  const { path, names } = tree(t, many);
  const encoding = strict ? 'encoding=utf8,encoding_flags=strict' : 'encoding=utf8';
  const image = new KernelImage({ features: 'casefold', mke2fs: ['-b', '1024', '-E', encoding, '-d', path], size: '32M' });
  t.teardown(() => image.remove());
  image.debugfs(`set_inode_field /folded flags ${CASEFOLD_DIRECTORY_FLAGS}`);
  try {
    execFileSync('e2fsck', ['-fyD', image.path], { stdio: 'ignore' });
  } catch {
    // It repaired, or optimised: what is left is checked next.
  }
  if (!strict) t.equal(image.fsck(), '', 'e2fsck is content');
  const reader = new DirectoryReader(image.open());
  t.teardown(() => reader.filesystem.close());
  return { reader, names };
}

for (const many of [10, 3000]) {
  t.test(`${many} names in a casefolded directory`, async (t) => {
    const { reader, names } = makeImage(t, many, false);
    const dir = reader.resolve('folded');
    t.equal(dir.hasFlag('CASEFOLD'), true);
    t.equal(dir.hasFlag('INDEX'), many > 100);
    const listed = reader.list(dir, 50);
    t.same([...listed.keys()].filter((name) => name !== '2e' && name !== '2e2e').sort(), names.map((name) => name.toString('hex')).sort());
    const inodeOf = (name: Buffer): number | undefined => listed.get(name.toString('hex'))?.inode;
    for (const { name, alike, different } of SPELLINGS) {
      for (const spelling of alike) t.equal(reader.lookup(dir, encoder.encode(spelling)), inodeOf(Buffer.from(name)), `${spelling} is ${name}`);
      for (const spelling of different) t.equal(reader.lookup(dir, encoder.encode(spelling)), 0, `${spelling} is not ${name}`);
    }
    t.equal(reader.lookup(dir, NOT_UTF8), inodeOf(NOT_UTF8) ?? 0, 'what is not UTF-8 is found by its bytes');
    t.equal(reader.lookup(dir, Uint8Array.of(0x62, 0xff, 0x61)), 0, 'and only by them');
    let wrong = 0;
    for (const name of names.filter((name) => name.includes('File-'))) {
      if (reader.lookup(dir, encoder.encode(name.toString().toLowerCase())) !== inodeOf(name)) wrong++;
      if (reader.lookup(dir, encoder.encode(name.toString().toUpperCase().normalize('NFD'))) !== inodeOf(name)) wrong++;
    }
    t.equal(wrong, 0, 'every name is found in lower case, and decomposed in upper case');
    t.same(reader.reports, []);
  });
}

t.test('strict directories have no names that are not UTF-8', async (t) => {
  const { reader } = makeImage(t, 0, true);
  t.equal(reader.lookup(reader.resolve('folded'), NOT_UTF8), 0);
});

t.test('without the flag, a directory of the same filesystem is exact', async (t) => {
  const { reader } = makeImage(t, 0, false);
  t.equal(reader.lookup(reader.resolve('/'), encoder.encode('FOLDED')), 0);
});
