/** What is free goes back to the device: fstrim(8) and -o discard, seen by the blocks that the image still takes. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { assertSame } from '../support/side-by-side.js';

t.setTimeout(300_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck', 'fstrim', 'losetup');

const takenMebibytes = (image: string): number => (statSync(image).blocks * 512) / mebibyte;
const python = async (program: string, ...args: string[]): Promise<string> => (await run('python3', ['-c', program, ...args])).toString();

/** Fills every other file of 64 KiB, and one large one, and removes them; what stays is compared. */
const WRITE = `
import os, sys
os.chdir(sys.argv[1])
for n in range(200): open('small%d' % n, 'wb').write(bytes([n]) * 65536)
open('large', 'wb').write(b'l' * (48 << 20))
os.sync()
`;
const REMOVE = `
import os, sys
os.chdir(sys.argv[1])
for n in range(0, 200, 2): os.unlink('small%d' % n)
os.unlink('large')
fd = os.open('.', os.O_RDONLY); os.fsync(fd)
`;
const COMPARE = `
import os, sys
os.chdir(sys.argv[1])
assert all(open('small%d' % n, 'rb').read() == bytes([n]) * 65536 for n in range(1, 200, 2))
print(len(os.listdir('.')))
`;

/** What fstrim(8) says that it has given back, in bytes. */
async function fstrim(target: string, ...options: string[]): Promise<number> {
  const said = (await run('fstrim', ['-v', ...options, target])).toString();
  return Number(/\((\d+) bytes\)/u.exec(said)?.[1]);
}

async function assertKept(t: Test, image: string): Promise<void> {
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
  t.equal((await kernelMount(image, ['ro'], (target) => python(COMPARE, target))).trim(), '101', 'the kernel finds all that stayed');
}

for (const blockSize of [4096, 1024]) {
  t.test(`fstrim of an image, blocks of ${blockSize}`, { skip }, async (t) => {
    const image = await makeImage(scratchDirectory(t, 'trim'), { size: 128 * mebibyte, blockSize });
    await fuseMount(image, [], async (target) => {
      await python(WRITE, target);
      const full = takenMebibytes(image);
      await python(REMOVE, target);
      t.ok(takenMebibytes(image) > full - 5, 'nothing is given back unasked');
      t.ok((await fstrim(target)) > 54 * mebibyte);
      t.ok(takenMebibytes(image) < full - 50, `${takenMebibytes(image)} of ${full} MiB stay`);
      t.equal((await python(COMPARE, target)).trim(), '101', 'what stayed is the same');
    });
    await assertKept(t, image);
    // Within a group: of a range over several the kernel counts one run more than there is in it.
    const ranges = [[], ['-m', '64KiB'], ['-m', '1MiB'], ['-o', '10MiB', '-l', '3MiB'], ['-o', '1000', '-l', '5000000'], ['-o', '127MiB']];
    const all = async (target: string): Promise<number[]> => {
      const trimmed: number[] = [];
      for (const range of ranges) trimmed.push(await fstrim(target, ...range));
      return trimmed;
    };
    // The kernel does not trim a group twice: each range has a mount of its own.
    const expected: number[] = [];
    for (const range of ranges) expected.push(await kernelMount(image, [], (target) => fstrim(target, ...range)));
    t.same(await fuseMount(image, [], all), expected, 'as many bytes as the kernel');
    await assertKept(t, image);
  });
}

t.test('fstrim of a block device', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'trim'), { size: 128 * mebibyte });
  const device = (await run('losetup', ['--find', '--show', image])).toString().trim();
  try {
    await fuseMount(device, [], async (target) => {
      await python(WRITE, target);
      const full = takenMebibytes(image);
      await python(REMOVE, target);
      t.ok((await fstrim(target)) > 54 * mebibyte);
      t.ok(takenMebibytes(image) < full - 50, `${takenMebibytes(image)} of ${full} MiB stay`);
    });
  } finally {
    await run('losetup', ['--detach', device]);
  }
  await assertKept(t, image);
});

t.test('-o discard', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'discard'), { size: 128 * mebibyte });
  await fuseMount(image, ['discard'], async (target) => {
    await python(WRITE, target);
    const full = takenMebibytes(image);
    await python(REMOVE, target);
    t.ok(takenMebibytes(image) < full - 50, `${takenMebibytes(image)} of ${full} MiB stay`);
    mkdirSync(join(target, 'again'));
    for (let round = 0; round < 3; round++) {
      await python(WRITE, join(target, 'again'));
      await python(REMOVE, join(target, 'again'));
    }
    t.equal((await python(COMPARE, join(target, 'again'))).trim(), '100', 'what was written where something was discarded');
    await run('rm', ['-r', join(target, 'again')]);
  });
  await assertKept(t, image);
});

const ARGUMENTS = `
def trim(start, length, shortest):
    return struct.unpack('<QQQ', ioctl('.', 0xc0185879, struct.pack('<QQQ', start, length, shortest)))[0::2]
MOST = (1 << 64) - 1
for arguments in ((0, 0, 0), (0, 1, 0), (0, 4095, 0), (1 << 40, MOST, 0), (48 << 20, MOST, 0), (0, MOST, 1 << 40), (0, MOST, MOST), (0, MOST, 128 << 20), (0, MOST, (128 << 20) + 4096), (0, 4096, 0), (MOST, 4096, 0)):
    call(arguments, lambda: trim(*arguments))
call('as another', as_user(1001, lambda: trim(0, MOST, 0)))
`;

t.test('arguments', { skip }, (t) => assertSame(t, { program: ARGUMENTS }));
