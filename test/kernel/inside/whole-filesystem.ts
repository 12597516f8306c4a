/** What concerns a filesystem as a whole, on mounts for iomap: swap files, freezing, shutting down, blocks that are too large; by the tools that everyone has. */
import { closeSync, copyFileSync, fsyncSync, openSync, readFileSync, readdirSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, run } from '../../support/command.js';
import { e2fsckComplaints, makeImage } from '../../support/image.js';
import { attachLoop, detachLoop } from '../../support/loop-mount.js';
import { fuse4fs, kernelMount } from '../../support/mount.js';
import { scratchDirectory } from '../../support/scratch.js';
import { requestsOf } from '../../support/server.js';

t.setTimeout(600_000);

const MEGABYTE = 1 << 20;
/** That iomap can do here: the kernel's page. */
const LARGEST_BLOCK = 4096;

interface Mounted {
  readonly device: string;
  readonly target: string;
  /** What the device lies on. */
  readonly image: string;
  remount(): Promise<void>;
}

/** A filesystem with 1 KiB blocks, too: there a page of swap is several of them. */
async function onMount(t: Test, blockSize: number, use: (mounted: Mounted) => Promise<void>): Promise<void> {
  const directory = scratchDirectory(t, 'whole');
  const image = await makeImage(directory, { size: 64 * MEGABYTE, blockSize });
  const device = attachLoop(image);
  const target = scratchDirectory(t, 'target');
  const mount = () => run(process.execPath, [fuse4fs, device, target, '-o', blockSize > LARGEST_BLOCK ? 'iomap=auto' : 'iomap=on']);
  const unmount = () => run(process.execPath, [fuse4fs, 'umount', target]);
  const remount = async (): Promise<void> => {
    await unmount();
    await mount();
  };
  await mount();
  try {
    await use({ device, target, image, remount });
  } finally {
    await unmount();
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

t.test('frozen while a file is open that has no name any more', async (t) =>
  onMount(t, 4096, async ({ image, target }) => {
    const [kept, open] = [join(target, 'kept'), join(target, 'open')];
    writeFileSync(kept, Buffer.alloc(MEGABYTE, 'kept'));
    const descriptor = openSync(open, 'wx+');
    writeSync(descriptor, Buffer.alloc(MEGABYTE, 'open'));
    unlinkSync(open);
    await run('fsfreeze', ['--freeze', target]);
    const copy = join(scratchDirectory(t, 'copy'), 'copy.img');
    try {
      copyFileSync(image, copy);
    } finally {
      await run('fsfreeze', ['--unfreeze', target]);
    }
    fsyncSync(descriptor);
    closeSync(descriptor);
    const found = await kernelMount(copy, [], (mounted) => Promise.resolve({ names: readdirSync(mounted).sort(), kept: readFileSync(join(mounted, 'kept')) }));
    t.strictSame(found.names, ['kept', 'lost+found']);
    t.ok(found.kept.equals(Buffer.alloc(MEGABYTE, 'kept')), 'the kernel mounts what the device held then');
    t.equal(await e2fsckComplaints(copy), undefined, 'and frees what nobody has open there');
  }));

/** EXT4_IOC_SHUTDOWN */
const SHUT_DOWN = `
import fcntl, os, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, bytes(4))
`;

t.test('a filesystem that is shut down', async (t) =>
  onMount(t, 4096, async ({ target, remount }) => {
    const file = join(target, 'file');
    await run('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', 'count=2', 'conv=fsync', 'status=none']);
    await run('python3', ['-c', SHUT_DOWN, target]);
    const late = await attempt('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', 'count=2', 'seek=2', 'conv=notrunc,fsync', 'status=none']);
    t.match(late.stderr, /Input\/output error/, 'nothing is written any more');
    t.match((await attempt('touch', [join(target, 'other')])).stderr, /Input\/output error/);
    await remount();
    t.ok(readFileSync(file).equals(Buffer.alloc(2 * MEGABYTE)), 'what was synced is there, and no more');
    t.strictSame(readdirSync(target).sort(), ['file', 'lost+found']);
  }));

t.test('blocks larger than a page', async (t) =>
  onMount(t, 2 * LARGEST_BLOCK, async ({ device, target, remount }) => {
    const bytes = Buffer.alloc(MEGABYTE, 'large');
    writeFileSync(join(target, 'file'), bytes);
    await remount();
    t.ok(readFileSync(join(target, 'file')).equals(bytes), 'are mounted as they are without iomap');
    t.equal((await requestsOf(target))['IOMAP_BEGIN'] ?? 0, 0);
    await run(process.execPath, [fuse4fs, 'umount', target]);
    const { status, stderr } = await attempt(process.execPath, [fuse4fs, device, target, '-o', 'iomap=on']);
    t.not(status, 0);
    t.match(stderr, /blocks of 8192 bytes are larger than a page/, 'and not where iomap is asked for');
    await run(process.execPath, [fuse4fs, device, target]);
  }));
