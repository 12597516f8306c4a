// time limit: 300 s
/**
 * Random operations on files whose data a simulated kernel moves by the server's mappings; the simulated
 * kernel checks every rule, and in the end e2fsck and the kernel's own ext4 judge what is on the disk.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { e2fsckComplaints } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { kernelMount } from '../support/mount.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';
import { exerciseFiles, type Exercised } from './file-exerciser.js';
import { imageBytes, makeUsedImage, simulatedMount, writeImage, type SimulatedRecipe } from './simulated-mount.js';
import { PROFILE_B } from '../../protocol/fuse/iomap.js';

t.setTimeout(300_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 1);
const OPERATIONS = Number(process.env['FUSE4FS_OPERATIONS'] ?? 1000);

const kinds: readonly (SimulatedRecipe & { readonly name: string; readonly extents: boolean; readonly classic?: boolean })[] = [
  { name: 'ext4, 4 KiB blocks', blockSize: 4096, extents: true, classic: true },
  { name: 'ext4, 1 KiB blocks', blockSize: 1024, extents: true, classic: true },
  { name: 'bigalloc', blockSize: 1024, features: 'bigalloc', arguments: ['-C', '16384'], extents: true },
  { name: 'inline data', blockSize: 1024, features: 'inline_data', extents: true },
  { name: 'no journal', blockSize: 4096, features: '^has_journal', extents: true },
  { name: 'ext2, 1 KiB blocks', type: 'ext2', blockSize: 1024, extents: false },
  { name: 'ext3, 4 KiB blocks', type: 'ext3', blockSize: 4096, extents: false },
];

for (const { name, extents, classic = false, ...recipe } of kinds) {
  t.test(name, { skip: cannotMount() || missing('mke2fs', 'e2fsck') }, async (t) => {
    t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
    const directory = scratchDirectory(t, 'iomap');
    const image = await makeUsedImage(directory, 'image', recipe);
    const bytes = imageBytes(image);
    const profile = seed % 2 === 0 ? {} : { profile: PROFILE_B };
    const { kernel, disk, data } = simulatedMount(bytes, recipe.blockSize, profile);
    t.ok(kernel.isIomap, 'iomap is in use');
    const files = exerciseFiles({ kernel, disk, random: new Random(seed), operations: OPERATIONS, extents, hasInline: recipe.features === 'inline_data', classic });
    t.strictSame(kernel.violations.map(({ message }) => message), [], 'no rule was broken');
    t.strictSame(kernel.failures, [], 'no request failed by a defect');
    t.ok(data.counters.mappings > 0 && data.counters.completions > 0 && data.counters.upserts > 0, JSON.stringify(data.counters));
    kernel.disconnect();
    t.ok(disk.isClosed, 'the device is closed when DESTROY is answered');
    writeImage(image, bytes);
    t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
    const differences = await kernelMount(image, ['ro'], async (target) => differing(target, files));
    t.strictSame(differences, [], 'the kernel reads what was written');
  });
}

const differing = (target: string, files: readonly Exercised[]): string[] =>
  files.filter(({ path, contents }) => !readFileSync(join(target, path)).equals(contents)).map(({ path }) => path);
