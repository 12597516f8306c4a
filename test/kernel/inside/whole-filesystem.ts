/** Swap files and freezing on a mount for iomap, by the tools that everyone has. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, run } from '../../support/command.js';
import { makeImage } from '../../support/image.js';
import { attachLoop, detachLoop } from '../../support/loop-mount.js';
import { fuse4fs } from '../../support/mount.js';
import { scratchDirectory } from '../../support/scratch.js';

t.setTimeout(600_000);

const MEGABYTE = 1 << 20;

interface Mounted {
  readonly device: string;
  readonly target: string;
}

/** A filesystem with 1 KiB blocks, too: there a page of swap is several of them. */
async function onMount(t: Test, blockSize: number, use: (mounted: Mounted) => Promise<void>): Promise<void> {
  const directory = scratchDirectory(t, 'whole');
  const image = await makeImage(directory, { size: 64 * MEGABYTE, blockSize });
  const device = attachLoop(image);
  const target = scratchDirectory(t, 'target');
  await run(process.execPath, [fuse4fs, device, target, '-o', 'iomap=on']);
  try {
    await use({ device, target });
  } finally {
    await run(process.execPath, [fuse4fs, 'umount', target]);
    const { status, stdout } = await attempt('e2fsck', ['-fn', device]);
    t.equal(status, 0, `e2fsck finds nothing${status === 0 ? '' : `: ${stdout.toString()}`}`);
    detachLoop(image, device);
  }
}

for (const blockSize of [4096, 1024])
  t.test(`a swap file, blocks of ${blockSize} bytes`, async (t) =>
    onMount(t, blockSize, async ({ target }) => {
      const file = join(target, 'swap');
      await run('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', 'count=16', 'conv=fsync', 'status=none']);
      await run('chmod', ['600', file]);
      await run('mkswap', [file]);
      await run('swapon', [file]);
      t.match(readFileSync('/proc/swaps', 'utf8'), /^\S*\/swap\s+file\s+163\d\d\s/m, 'the kernel swaps to all of it, but for parts of pages');
      t.match((await attempt('truncate', ['-s', '0', file])).stderr, /busy/i, 'it is not cut off meanwhile');
      await run('swapoff', [file]);
      await run('truncate', ['-s', String(MEGABYTE), file]);
      const sparse = join(target, 'sparse');
      await run('truncate', ['-s', String(16 * MEGABYTE), sparse]);
      await run('chmod', ['600', sparse]);
      await run('mkswap', [sparse]);
      t.not((await attempt('swapon', [sparse])).status, 0, 'a file with holes is none');
    }));

t.test('a frozen filesystem', async (t) =>
  onMount(t, 4096, async ({ device, target }) => {
    const file = join(target, 'file');
    writeFileSync(file, Buffer.alloc(MEGABYTE, 'before'));
    await run('fsfreeze', ['--freeze', target]);
    // Sleeps, whatever is done to it, until it may.
    const late = attempt('sh', ['-c', `echo after >'${file}'`]);
    try {
      const { status, stdout } = await attempt('e2fsck', ['-fn', device]);
      t.equal(status, 0, `the device holds a whole filesystem${status === 0 ? '' : `: ${stdout.toString()}`}`);
      t.ok(readFileSync(file).equals(Buffer.alloc(MEGABYTE, 'before')), 'that can be read, and is not changed');
    } finally {
      await run('fsfreeze', ['--unfreeze', target]);
    }
    t.equal((await late).status, 0);
    t.equal(readFileSync(file, 'utf8'), 'after\n', 'until it is thawed');
  }));
