/** Filesystems whose journal holds a kernel's fast commits, mounted for writing, with the power cut at every write of the recovery. */
import { existsSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import t, { type Test } from 'tap';
import { openWritable } from '../crash/images.js';
import { fastCommitCases, interrupted, kernelTree, ourTree, type Tree } from '../support/fast-commit-image.js';
import { JournalLaboratory } from '../support/journal-image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { kernelMount } from '../support/mount.js';
import { Random } from '../support/random.js';
import { RecordingDevice, type UnflushedWrites } from '../support/recording-device.js';

t.setTimeout(280_000);
const laboratory = new JournalLaboratory();
t.teardown(() => laboratory.remove());
const seed = Number(process.env['FUSE4FS_SEED'] ?? 171);
t.comment(`SEED=${seed}`);
const random = new Random(seed);

const needsMount = process.getuid?.() === 0 && existsSync('/dev/loop-control') ? false : 'needs root and loop devices';
/** Crashes in the midst of each recovery that are examined; of these, so many by the kernel as well. e2fsck is no judge: its own replay loses names. */
const CRASHES = 6;
const BY_KERNEL = 1;

const features: Readonly<Record<string, string>> = {
  'names': ',^metadata_csum',
  'directories': ',^dir_index,^64bit',
};

t.test('fast commits of a kernel', { skip: needsMount }, async (t) => {
  for (const [name, after] of Object.entries(fastCommitCases)) {
    await t.test(name, async (t) => {
      const { image, expected } = interrupted(laboratory, features[name] ?? '', after);
      const device = RecordingDevice.of(image);
      const writable = openWritable(device, 1 << 20);
      const recovered = device.recording.length;
      t.same(ourTree(writable.filesystem), expected, 'everything is there');
      t.equal(writable.superblock.lastOrphan, 0, 'what lost its last name is gone');
      writable.close();
      const path = laboratory.file('recovered');
      writeFileSync(path, device.bytes);
      t.equal(complaints(path), '', 'e2fsck after the unmount');
      t.same(await kernelMount(path, [], async (root) => Promise.resolve(kernelTree(root))), expected, 'the kernel sees it, and replays nothing');
      t.equal(complaints(path), '', 'e2fsck after the kernel');
      await interrupt(t, device, recovered, expected);
    });
  }
});

async function interrupt(t: Test, device: RecordingDevice, events: number, expected: Tree): Promise<void> {
  for (let crash = 0; crash < CRASHES; crash++) {
    const position = 1 + Math.floor(((events - 1) * crash) / (CRASHES - 1));
    const unflushed = (['lost', 'kept', random] as const)[crash % 3] as UnflushedWrites;
    const crashed = device.after(position, unflushed);
    const what = `crash at event ${position} of ${events}`;
    if (crash % Math.ceil(CRASHES / BY_KERNEL) === 1) {
      const path = laboratory.file('crashed');
      writeFileSync(path, crashed);
      t.same(await kernelMount(path, [], async (root) => Promise.resolve(withoutSubdirectories(kernelTree(root)))), withoutSubdirectories(expected), `${what}, recovered by the kernel`);
    }
    const writable = openWritable(new MemoryDevice(crashed), 1 << 20);
    const tree = ourTree(writable.filesystem);
    writable.close();
    const path = laboratory.file('recovered');
    writeFileSync(path, crashed);
    const found = complaints(path);
    if (found !== '') t.fail(`${what}: ${found}`);
    t.same(tree, expected, what);
  }
}

/** The kernel's own replay leaves the link counts of directories wrong. */
const withoutSubdirectories = (tree: Tree): Tree => Object.fromEntries(Object.entries(tree).map(([path, state]) => [path, state.replace(/^(4\d+) \d+/, '$1')]));

t.test('fast commits never come back', { skip: needsMount }, async (t) => {
  const { image, expected } = interrupted(laboratory, '', fastCommitCases['new files'] as (root: string) => void);
  const device = MemoryDevice.of(image);
  const writable = openWritable(device, 1 << 20);
  const { filesystem, namespace, reaper } = writable;
  writable.change(() => reaper.reap(namespace.unlink(filesystem.root, { bytes: Buffer.from('new-3'), offset: 0, length: 5 }).number));
  writable.commit();
  delete expected['/new-3'];
  const path = laboratory.file('crashed');
  writeFileSync(path, device.bytes);
  t.same(await kernelMount(path, [], async (root) => Promise.resolve(kernelTree(root))), expected, 'with the kernel, after a crash');
  t.equal(complaints(path), '', 'e2fsck after it');
});

t.test('fast commits say nothing of quotas', { skip: needsMount }, async (t) => {
  const { image } = interrupted(laboratory, ',^metadata_csum', fastCommitCases['new files'] as (root: string) => void);
  const device = MemoryDevice.of(image);
  // s_feature_ro_compat of every copy, the one in the journal too: quota
  for (let at = 1024; at < device.size; at += 1024) {
    const view = new DataView(device.bytes.buffer, at, 1024);
    if (view.getUint16(0x38, true) === 0xef53) view.setUint32(0x64, view.getUint32(0x64, true) | 0x100, true);
  }
  t.throws(() => openWritable(device), { code: 'UNSUPPORTED_FEATURE', message: /quota/ });
});

function complaints(path: string): string {
  const { status, stdout } = spawnSync('e2fsck', ['-fn', path], { encoding: 'utf8' });
  return status === 0 ? '' : stdout;
}
