import { closeSync, mkdirSync, openSync, readSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import * as layout from '../../server/ext4/layout/mmp.js';
import { parseSuperblock, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE } from '../../server/ext4/layout/superblock.js';
import { attempt, run } from '../support/command.js';
import { e2fsckComplaints, makeImage } from '../support/image.js';
import { cannotMount, cannotUseLoopDevices } from '../support/machine.js';
import { fuse4fs, fuseMount, kernelMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { until } from '../support/until.js';

const skip = cannotMount() || cannotUseLoopDevices();
/** Until the server has noticed something, it may need a few beats of a second each. */

const make = (directory: string): Promise<string> => makeImage(directory, { features: ['mmp'], extended: ['mmp_update_interval=1'], size: 32 << 20 });

/** The mmp block, which `change` may change. */
function mmpBlock(image: string, change?: (view: DataView) => void): DataView {
  const fd = openSync(image, 'r+');
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  readSync(fd, bytes, 0, SUPERBLOCK_SIZE, SUPERBLOCK_OFFSET);
  const superblock = parseSuperblock(bytes, SUPERBLOCK_OFFSET);
  const position = superblock.mmpBlock * superblock.blockSize;
  const block = new Uint8Array(layout.MMP_SIZE);
  readSync(fd, block, 0, block.length, position);
  const view = new DataView(block.buffer);
  if (change !== undefined) {
    change(view);
    layout.setChecksum(view, layout.computeChecksum(superblock.checksumSeed, block));
    writeSync(fd, block, 0, block.length, position);
  }
  closeSync(fd);
  return view;
}

t.test('what the kernel has mounted is refused', { skip }, async (t) => {
  const image = await make(scratchDirectory(t));
  await kernelMount(image, [], async (target) => {
    writeFileSync(join(target, 'file'), 'from the kernel');
    await t.rejects(fuseMount(image, [], () => Promise.resolve()), { message: /is mounted already/ });
    t.equal(await fuseMount(image, ['ro'], () => Promise.resolve('read')), 'read', 'but can be looked at');
  });
  const text = await fuseMount(image, [], (target) => Promise.resolve(readFileSync(join(target, 'file'), 'utf8')));
  t.equal(text, 'from the kernel');
  t.equal(await e2fsckComplaints(image), undefined);
});

t.test('what we have mounted is refused to others, and free afterwards', { skip }, async (t) => {
  const directory = scratchDirectory(t);
  const image = await make(directory);
  const [second, third] = [join(directory, 'second'), join(directory, 'third')];
  mkdirSync(second);
  mkdirSync(third);
  await fuseMount(image, [], async (target) => {
    writeFileSync(join(target, 'file'), 'ours');
    // The same bytes by another way, as from another machine: no lock of ours is there.
    const loop = (await run('losetup', ['-f', '--show', image])).toString().trim();
    try {
      const [kernels, ours] = await Promise.all([attempt('mount', ['-t', 'ext4', loop, second]), attempt(process.execPath, [fuse4fs, loop, third])]);
      if (kernels.status === 0) await run('umount', [second]);
      t.not(kernels.status, 0, 'the kernel');
      t.equal(ours.status, 32, 'a second one of ours');
      t.match(ours.stderr.toString(), /is mounted already|in use by another program/);
    } finally {
      await run('losetup', ['-d', loop]);
    }
    writeFileSync(join(target, 'more'), 'ours');
  });
  t.equal(layout.sequence(mmpBlock(image)), layout.Sequence.Clean);
  t.equal(await e2fsckComplaints(image), undefined);
  const text = await kernelMount(image, [], (target) => Promise.resolve(readFileSync(join(target, 'more'), 'utf8')));
  t.equal(text, 'ours');
});

t.test('a filesystem that someone else takes over is no longer changed', { skip }, async (t) => {
  const image = await make(scratchDirectory(t));
  await fuseMount(image, [], async (target) => {
    writeFileSync(join(target, 'file'), 'before');
    const { buffer } = mmpBlock(image);
    const first = layout.sequence(new DataView(buffer));
    await until('the sequence number changes by itself', () => layout.sequence(mmpBlock(image)) !== first || undefined);
    // Again and again, as someone else does: once, it could come between our server's look and its own beat.
    const takeOver = (): void =>
      void mmpBlock(image, (view) => {
        layout.setSequence(view, 4711);
        view.setUint8(0x10, 0x78);
      });
    const refused = (): boolean => {
      takeOver();
      try {
        mkdirSync(join(target, `directory-${performance.now()}`));
        return false;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'EROFS';
      }
    };
    await until('changes are refused', () => refused() || undefined);
    t.equal(readFileSync(join(target, 'file'), 'utf8'), 'before', 'what is there can be read');
  });
  t.equal(layout.sequence(mmpBlock(image)), 4711, 'the block is left to the other one');
});
