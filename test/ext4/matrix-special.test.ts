// time limit: 900 s
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, run } from '../support/command.js';
import { fillTree } from '../support/fill.js';
import { debugfs, e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { treeManifest } from '../support/manifest.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { nativeProgram } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';
import { assertSameTree, foundByUs } from './matrix.js';

t.setTimeout(900_000);
const skip = cannotMount() || missing('mke2fs', 'debugfs', 'losetup', 'cc');

t.test('large_dir with 300,000 entries', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'large');
  // Small blocks, so that the index gets a level that only large_dir allows.
  const image = await makeImage(directory, { blockSize: 1024, features: ['large_dir'], size: 384 * mebibyte });
  await kernelMount(image, [], (target) => fillTree(target, { entries: 350_000, extents: 10 }));
  t.match(await debugfs(image, ['htree_dump /crowd']), /Indirect levels: 2/i, 'the index has three levels');
  const expected = await kernelMount(image, ['ro'], treeManifest);
  t.ok(expected.size > 300_000, `${expected.size} paths`);
  assertSameTree(t, expected, await foundByUs(t, image));
});

const TWENTY_TEBIBYTES = 20 * 2 ** 40;

/** A directory whose filesystem has files of that size: ext4 ends at 16 TiB, tmpfs does not. */
function directoryForHugeFiles(t: Test): string | undefined {
  for (const parent of [tmpdir(), '/dev/shm', '/run']) {
    try {
      const directory = mkdtempSync(join(parent, 'fuse4fs-huge-'));
      t.teardown(() => rmSync(directory, { recursive: true, force: true }));
      const descriptor = openSync(join(directory, 'probe'), 'w');
      try {
        ftruncateSync(descriptor, TWENTY_TEBIBYTES);
        return directory;
      } finally {
        closeSync(descriptor);
        rmSync(join(directory, 'probe'));
      }
    } catch {
      // The next one may do.
    }
  }
  return undefined;
}

t.test('64bit, 20 TiB', { skip }, async (t) => {
  const directory = directoryForHugeFiles(t);
  if (directory === undefined) return t.plan(0, 'no filesystem here has sparse files of 20 TiB');
  const image = await makeImage(directory, {
    size: TWENTY_TEBIBYTES,
    features: ['64bit', 'sparse_super2', '^resize_inode'],
    extended: ['packed_meta_blocks=1'],
    arguments: ['-i', '67108864', '-J', 'size=16'],
  });
  await kernelMount(image, [], async (target) => {
    // Top-level directories are spread over the groups: some get blocks beyond 2^32.
    for (let index = 0; index < 64; index++) {
      mkdirSync(join(target, `spread-${index}`));
      writeFileSync(join(target, `spread-${index}`, 'file'), Buffer.alloc(20_000, index));
    }
    await fillTree(target, { entries: 2000 });
  });
  const blocks = [...(await debugfs(image, Array.from({ length: 64 }, (_, index) => `blocks /spread-${index}/file`))).matchAll(/\b\d{5,}\b/g)];
  t.ok(blocks.some(([block]) => Number(block) >= 2 ** 32), 'some files have blocks beyond 2^32');
  assertSameTree(t, await kernelMount(image, ['ro'], treeManifest), await foundByUs(t, image));
});

const loopDevice = async (t: Test, path: string): Promise<string> => {
  const device = (await run('losetup', ['-f', '--show', path])).toString().trim();
  t.teardown(() => attempt('losetup', ['-d', device]));
  return device;
};

t.test('external journal', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'external');
  const journalImage = await makeImage(directory, { size: 16 * mebibyte, arguments: ['-O', 'journal_dev'], extended: [] }, 'journal');
  const journal = await loopDevice(t, journalImage);
  const image = await makeImage(directory, { arguments: ['-J', `device=${journal}`] });
  const device = await loopDevice(t, image);
  await kernelMount(device, [], (target) => fillTree(target));
  // Named, since a search by UUID among all devices may come upon another one, or find none.
  t.equal(await e2fsckComplaints(device, '-j', journal), undefined, 'e2fsck is content');
  const expected = await kernelMount(device, ['ro'], treeManifest);
  assertSameTree(t, expected, await fuseMount(device, ['ro', `journal_path=${journal}`], treeManifest));
});

t.test('a block device', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'device');
  const device = await loopDevice(t, await makeImage(directory));
  await kernelMount(device, [], (target) => fillTree(target));
  assertSameTree(t, await kernelMount(device, ['ro'], treeManifest), await fuseMount(device, ['ro'], treeManifest));
});

t.test('encrypted directories without their key', { skip }, async (t): Promise<void> => {
  const directory = scratchDirectory(t, 'encrypt');
  for (const blockSize of [1024, 4096]) {
    const image = await makeImage(directory, { blockSize, features: ['encrypt'] }, `encrypt-${blockSize}`);
    const encrypt = await nativeProgram('encrypt');
    const { status, stderr } = await kernelMount(image, [], (target) => attempt(encrypt, [target]));
    if (status === 77) return void t.pass('encrypted directories', { skip: 'the kernel has no fscrypt' });
    t.equal(status, 0, stderr || 'the key is added, the directory filled');
    const expected = await kernelMount(image, ['ro'], treeManifest);
    t.ok([...expected.values()].filter((fields) => fields.get('sha256') === 'ENOKEY').length >= 14, 'contents are refused with ENOKEY');
    // The kernel refuses to open such a file, so that it says nothing of holes.
    assertSameTree(t, expected, await foundByUs(t, image), ['map']);
  }
});

const VERITY_FLAG = 0x100000;

t.test('verity files end where their data ends', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'verity');
  const contents = join(directory, 'contents');
  mkdirSync(contents);
  const data = Buffer.from(Array.from({ length: 50_000 }, (_, index) => index % 251));
  // The Merkle tree lies behind the data, from the next 64 KiB on; i_size does not count it.
  writeFileSync(join(contents, 'verity'), Buffer.concat([data, Buffer.alloc(65536 - data.length), Buffer.alloc(8192, 0xaa)]));
  const image = await makeImage(directory, { features: ['verity'], from: contents });
  const flags = Number(/Flags: (0x[0-9a-f]+)/.exec(await debugfs(image, ['stat /verity']))?.[1]);
  await debugfs(image, [`sif /verity size ${data.length}`, `sif /verity flags ${flags | VERITY_FLAG}`], true);
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck is content');
  await fuseMount(image, ['ro'], async (target) => {
    const found = await Promise.resolve(readFileSync(join(target, 'verity')));
    t.ok(found.equals(data), 'the data, and nothing behind it');
    t.equal(statSync(join(target, 'verity')).size, data.length);
  });
});

const CASEFOLD_FLAG = 0x40000000;

t.test('casefolded directories, linear and indexed', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'casefold');
  const contents = join(directory, 'contents');
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `Grüße-${index}-Ünïcode.TXT`);
  for (const [name, count] of [['linear', 5], ['indexed', 3000]] as const) {
    mkdirSync(join(contents, name), { recursive: true });
    for (const file of names(count)) writeFileSync(join(contents, name, file), file);
  }
  const image = await makeImage(directory, { features: ['casefold'], extended: ['encoding=utf8-12.1'], from: contents });
  for (const name of ['linear', 'indexed']) {
    const flags = Number(/Flags: (0x[0-9a-f]+)/.exec(await debugfs(image, [`stat /${name}`]))?.[1]);
    await debugfs(image, [`sif /${name} flags ${flags | CASEFOLD_FLAG}`], true);
  }
  await attempt('e2fsck', ['-f', '-y', '-D', image]);
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck is content');
  t.match(await debugfs(image, ['htree_dump /indexed']), /Number of entries/, 'the large one is indexed');
  await fuseMount(image, ['ro'], (target) => {
    for (const [name, count] of [['linear', 5], ['indexed', 3000]] as const) {
      const wrong = names(count).filter((file) =>
        [file.toUpperCase(), file.toLowerCase(), file.normalize('NFD')].some((spelling) => readFileSync(join(target, name, spelling), 'utf8') !== file),
      );
      t.strictSame(wrong, [], `${name}: every spelling finds its file`);
      t.throws(() => statSync(join(target, name, 'grusse-0-unicode.txt')), { code: 'ENOENT' });
    }
    return Promise.resolve();
  });
});
