/** The contents of files on a mount of a directory: who reads and writes them, and that they are what was written. */
import { closeSync, constants, fsyncSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/command.js';
import { mebibyte } from '../support/image.js';
import { cannotMount, isFullSize, missing } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { statusOf } from '../support/server.js';
import { treeFilesystems } from '../support/tree-filesystems.js';
import { codeOf, treeIn, treeMount } from '../support/tree-mount.js';
import { differences, exerciseMount, type Feature } from '../mount/data-exerciser.js';

t.setTimeout(300_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 307);
const OPERATIONS = isFullSize ? 50_000 : 5000;
/** How long a change that was made underneath may take to be seen, in milliseconds: a second, on a machine that is not busy. */
const PATIENCE = 30_000;
const skip = cannotMount();
const FEATURES: Readonly<Record<string, readonly Feature[]>> = { ext4: ['extents'], tmpfs: ['extents', 'no-zeroing'] };

for (const { name, withTree } of treeFilesystems) {
  for (const passthrough of ['auto', 'off']) {
    t.test(`random operations, on ${name}, passthrough=${passthrough}`, { skip: skip || missing('cc') }, async (t) => {
      t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
      const directory = scratchDirectory(t, 'tree-data');
      const expected = mkdtempSync(join(directory, 'expected-'));
      await withTree(directory, async (tree) => {
        const option = `passthrough=${passthrough}`;
        const problem = await treeMount(tree, [option], (target) =>
          exerciseMount(target, expected, (again) => remount(tree, again, option), FEATURES[name] ?? [], { seed, operations: OPERATIONS, remounts: 1, seconds: 200 }));
        t.equal(problem, undefined);
        t.strictSame(differences(expected, tree), [], 'the directory itself has what was written');
      });
    });
  }
}

async function remount(tree: string, target: string, option: string): Promise<void> {
  await run(process.execPath, [fuse4fs, 'umount', target]);
  await run(process.execPath, [fuse4fs, '-t', 'passthrough', tree, target, '-o', option]);
}

const DATA = Buffer.alloc(3 * mebibyte, 'some of it');

t.test('the kernel reads and writes, where it may', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'tree-who');
  for (const [options, expected] of [[[], 'nothing'], [['passthrough=off'], 'data']] as const) {
    const tree = treeIn(directory, `of-${expected}`);
    await treeMount(tree, options, async (target) => {
      const path = join(target, 'file');
      writeFileSync(path, DATA);
      t.ok(readFileSync(path).equals(DATA));
      const { requests, kernelFeatures } = await statusOf(target);
      const moved = (requests['READ'] ?? 0) + (requests['WRITE'] ?? 0);
      if (expected === 'data' || (kernelFeatures as string[]).includes('PASSTHROUGH')) {
        t.equal(moved > 0 ? 'data' : 'nothing', expected, `the server saw ${expected} with ${options.join() || 'the defaults'}`);
      }
      t.ok(readFileSync(join(tree, 'file')).equals(DATA), 'the file itself has it all');
    });
  }
});

/** The kernel can be asked to forget what nobody uses. */
const forgets = (): boolean => {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 18);
};

t.test('O_DIRECT holds where the server reads and writes, too', { skip }, async (t) => {
  const [ext4] = treeFilesystems;
  await ext4?.withTree(scratchDirectory(t, 'tree-direct'), (tree) => treeMount(tree, ['passthrough=off'], (target) => {
    const sectors = Buffer.alloc(8192, 'sectors');
    const opened = openSync(join(target, 'file'), constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT);
    t.equal(writeSync(opened, sectors, 0, sectors.length, 0), sectors.length);
    const native = openSync(join(tree, 'file'), constants.O_RDWR | constants.O_DIRECT);
    const odd = Buffer.alloc(100);
    for (const [name, file] of [['the directory', native], ['the mount', opened]] as const) {
      t.equal(codeOf(() => readSync(file, odd, 0, odd.length, 3)), 'EINVAL', `${name} reads whole sectors`);
      t.equal(codeOf(() => writeSync(file, odd, 0, odd.length, 3)), 'EINVAL', `${name} writes whole sectors`);
    }
    ftruncateSync(opened, 5000);
    const end = Buffer.alloc(4096);
    t.equal(readSync(opened, end, 0, end.length, 4096), 5000 - 4096, 'up to the end of the file');
    t.ok(end.subarray(0, 5000 - 4096).equals(sectors.subarray(4096, 5000)));
    closeSync(native);
    closeSync(opened);
    return Promise.resolve();
  }));
});

t.test('more files than descriptors', { skip: skip || (!forgets() && 'needs Linux 6.18') }, async (t) => {
  const tree = treeIn(scratchDirectory(t, 'tree-many'));
  const names = Array.from({ length: 3000 }, (_, index) => join(`d${index % 10}`, `file${index}`));
  for (let index = 0; index < 10; index++) mkdirSync(join(tree, `d${index}`));
  for (const name of names) writeFileSync(join(tree, name), name);
  await treeMount(tree, [], (target) => {
    const held = openSync(join(target, 'd0', 'file0'), 'r');
    for (let round = 0; round < 2; round++) t.strictSame(names.filter((name) => statSync(join(target, name)).size !== name.length), []);
    t.strictSame(names.filter((name) => readFileSync(join(target, name), 'utf8') !== name), []);
    closeSync(held);
    return Promise.resolve();
  }, ['prlimit', '--nofile=1024:1024']);
});

t.test('a file that is open twice, and of which others change the size', { skip }, async (t) => {
  const tree = treeIn(scratchDirectory(t, 'tree-shared'));
  await treeMount(tree, [], async (target) => {
    const [here, there] = [join(target, 'file'), join(tree, 'file')];
    writeFileSync(here, 'one two three');
    const reader = openSync(here, 'r');
    const appender = openSync(here, constants.O_WRONLY | constants.O_APPEND);
    const other = openSync(there, 'r+');
    writeSync(appender, ' four');
    t.equal(readFileSync(there, 'utf8'), 'one two three four');
    ftruncateSync(other, 3);
    const buffer = Buffer.alloc(100);
    t.equal(readSync(reader, buffer, 0, 100, 0), 3, 'what is there is read at once');
    writeSync(other, 'underneath', 3);
    t.equal(buffer.toString('utf8', 0, readSync(reader, buffer, 0, 100, 0)), 'oneunderneath');
    fsyncSync(appender);
    for (const descriptor of [reader, appender, other]) closeSync(descriptor);
  });
});

t.test('changes that were made underneath are noticed', { skip }, async (t) => {
  const tree = treeIn(scratchDirectory(t, 'tree-changed'));
  writeFileSync(join(tree, 'file'), 'before');
  await treeMount(tree, ['passthrough=off'], async (target) => {
    t.equal(readFileSync(join(target, 'file'), 'utf8'), 'before');
    writeFileSync(join(tree, 'file'), 'afterwards');
    writeFileSync(join(tree, 'new'), 'new');
    t.equal(readFileSync(join(target, 'new'), 'utf8'), 'new', 'a new name at once');
    const deadline = performance.now() + PATIENCE;
    while (statSync(join(target, 'file')).size !== 10) if (performance.now() > deadline) throw new Error('the old size is still shown');
    t.equal(readFileSync(join(target, 'file'), 'utf8'), 'afterwards');
  });
});
