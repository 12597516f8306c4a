/** Large direct writes, which go past the machine's cache, among cached ones to the same places. */
import { constants, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte, type ImageRecipe } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';

const FILE = 6 * mebibyte;
const LONGEST = mebibyte;
const WRITES = 24;

/** @param unit what all offsets and lengths are multiples of */
async function writeAtRandom(t: Test, target: string, random: Random, unit: number): Promise<Buffer> {
  const expected = Buffer.alloc(FILE);
  const [cached, direct] = await Promise.all([0, constants.O_DIRECT].map((flag) => open(join(target, 'file'), constants.O_RDWR | constants.O_CREAT | flag)));
  if (cached === undefined || direct === undefined) throw new Error('not opened');
  await cached.truncate(0);
  await cached.truncate(FILE);
  const pool = random.bytes(2 * LONGEST);
  for (let write = 0; write < WRITES; write++) {
    const length = unit * (1 + random.below(LONGEST / unit));
    const offset = unit * random.below((FILE - length) / unit + 1);
    const from = random.below(LONGEST);
    const bytes = pool.subarray(from, from + length);
    expected.set(bytes, offset);
    const file = random.below(4) === 0 ? cached : direct;
    const { bytesWritten } = await file.write(bytes, 0, length, offset);
    if (bytesWritten !== length) t.fail(`write ${write}: ${bytesWritten} of ${length} bytes at ${offset}`);
    if (random.below(8) === 0) await file.datasync();
  }
  await cached.close();
  await direct.close();
  return expected;
}

async function writtenRight(t: Test, source: string, image: string, seed: number, unit: number): Promise<void> {
  t.comment(`seed ${seed}`);
  const expected = await fuseMount(source, [], async (target) => {
    const expected = await writeAtRandom(t, target, new Random(seed), unit);
    t.ok(readFileSync(join(target, 'file')).equals(expected), 'reads back');
    return expected;
  });
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
  await kernelMount(source, ['ro'], async (target) => t.ok(readFileSync(join(target, 'file')).equals(expected), 'so it does with the kernel'));
}

const seed = Number(process.env['FUSE4FS_SEED'] ?? 1306);
const recipes: readonly (ImageRecipe & { readonly name: string })[] = [
  { name: '4 KiB blocks', size: 64 * mebibyte },
  { name: '1 KiB blocks', size: 64 * mebibyte, blockSize: 1024 },
  { name: 'block map', type: 'ext3', size: 64 * mebibyte },
  { name: 'data through the journal', size: 64 * mebibyte, arguments: ['-J', 'size=16'] },
];

for (const { name, ...recipe } of recipes) {
  t.test(`${name}, an image file`, { skip: cannotMount() }, async (t) => {
    const image = await makeImage(scratchDirectory(t, 'direct'), recipe);
    if (name.startsWith('data')) await run('tune2fs', ['-o', 'journal_data', image]);
    for (const [at, unit] of [4096, 512].entries()) await writtenRight(t, image, image, seed + at, unit);
  });
}

t.test('a block device', { skip: cannotMount() || missing('losetup') }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'direct'), { size: 64 * mebibyte });
  const device = (await run('losetup', ['-f', '--show', image])).toString().trim();
  try {
    await writtenRight(t, device, image, seed, 4096);
  } finally {
    await run('losetup', ['-d', device]);
  }
});
