/** Files whose contents are not to be changed: with a Merkle tree, or without the key. All else can be done to them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { debugfs, makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { output } from '../support/side-by-side.js';

t.setTimeout(200_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'debugfs');

const BLOCK = 4096;
const [ENCRYPT_FLAG, VERITY_FLAG] = [0x800, 0x100000];

const PROGRAM = `
def copied(source, target):
    one, other = os.open(source, os.O_RDONLY), os.open(target, os.O_RDWR)
    try: count = os.copy_file_range(one, other, 4); os.fsync(other); return count
    finally: os.close(one); os.close(other)
def allocated(path):
    fd = os.open(path, os.O_RDWR)
    try: os.posix_fallocate(fd, 0, 1 << 20)
    finally: os.close(fd)
write('plain', b'plain')
for name in ('verity', 'secret'):
    for what, act in (('cut off', lambda: os.truncate(name, 100)), ('grow', lambda: os.truncate(name, 1 << 20)), ('cut off by open', lambda: os.close(os.open(name, os.O_WRONLY | os.O_TRUNC))),
            ('allocate', lambda: allocated(name)), ('copy to it', lambda: copied('plain', name)), ('write', lambda: write(name, b'x' * 100, 10)),
            ('mode', lambda: os.chmod(name, 0o600)), ('attribute', lambda: os.setxattr(name, 'user.a', b'v')), ('link', lambda: os.link(name, name + '-2')), ('rename', lambda: os.rename(name, name + '-3'))):
        call((name, what), act)
write('fixed', b'fixed'); ioctl('fixed', 0x40086602, struct.pack('<I', 0x10))
call('copy of what is immutable', lambda: copied('fixed', 'plain'))
ioctl('fixed', 0x40086602, struct.pack('<I', 0))
show('plain', read('plain'))
`;

const refused = (name: string, error: string): string[] => ['cut off', 'grow', 'cut off by open', 'allocate', 'copy to it', 'write'].map((what) => `('${name}', '${what}') ${error}`);
const allowed = (name: string): string[] => ['mode', 'attribute', 'link', 'rename'].map((what) => `('${name}', '${what}') None`);

async function contentsOf(image: string, name: string): Promise<Buffer> {
  const blocks = (await debugfs(image, [`blocks /${name}`])).split('\n').find((line) => /^[\d ]+$/.test(line)) ?? '';
  const bytes = readFileSync(image);
  return Buffer.concat(blocks.trim().split(/ +/).map((block) => bytes.subarray(Number(block) * BLOCK, (Number(block) + 1) * BLOCK)));
}

t.test('a verity file, and an encrypted one', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'sealed');
  const from = join(directory, 'contents');
  mkdirSync(from);
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
  for (const name of ['verity', 'secret']) writeFileSync(join(from, name), bytes);
  const image = await makeImage(directory, { features: ['verity', 'encrypt'], from, size: 32 * mebibyte });
  for (const [name, flag] of [['verity', VERITY_FLAG], ['secret', ENCRYPT_FLAG]] as const) {
    const flags = Number(/Flags: (0x[0-9a-f]+)/.exec(await debugfs(image, [`stat /${name}`]))?.[1]);
    await debugfs(image, [`sif /${name} flags ${flags | flag}`], true);
  }
  // The tree of hashes is behind the end of the file.
  await debugfs(image, ['sif /verity size 50000'], true);
  const before = [await contentsOf(image, 'verity'), await contentsOf(image, 'secret')];
  t.equal(before[0]?.length, Math.ceil(bytes.length / BLOCK) * BLOCK);

  const said = await fuseMount(image, [], (target) => output(PROGRAM, target));
  t.strictSame(said, [
    ...refused('verity', 'EPERM'), ...allowed('verity'),
    ...refused('secret', 'ENOKEY'), ...allowed('secret'),
    'copy of what is immutable 4', "plain b'fixen'", '',
  ]);
  const after = [await contentsOf(image, 'verity-3'), await contentsOf(image, 'secret-3')];
  t.strictSame(after.map((found, index) => found.equals(before[index] ?? Buffer.alloc(0))), [true, true], 'all their blocks are as they were');
});
