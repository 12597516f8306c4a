// time limit: 300 s
/**
 * The machine stops while a simulated kernel moves data, with IOENDs outstanding: what is on the disk then
 * recovers to a filesystem without complaints, in which nobody finds what free blocks held before.
 */
import { join } from 'node:path';
import t from 'tap';
import { e2fsckComplaints } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';
import { exerciseFiles, type Exercised } from './file-exerciser.js';
import { SimulatedFile } from './simulated-file.js';
import { RequestError } from './simulated-kernel.js';
import { imageBytes, makeUsedImage, OLD_DATA, simulatedMount, writeImage, type SimulatedRecipe } from './simulated-mount.js';

t.setTimeout(300_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 178);
const CRASHES = Number(process.env['FUSE4FS_CRASHES'] ?? 8);
const OPERATIONS = 400;
const ROOT = 2;

const kinds: readonly (SimulatedRecipe & { readonly name: string; readonly extents: boolean })[] = [
  { name: 'ext4, 1 KiB blocks', blockSize: 1024, size: 16, extents: true },
  { name: 'ext4, 4 KiB blocks, bigalloc', blockSize: 4096, size: 16, features: 'bigalloc', arguments: ['-C', '16384'], extents: true },
  { name: 'ext3, 1 KiB blocks', type: 'ext3', blockSize: 1024, size: 16, extents: false },
];

interface Crash {
  readonly bytes: Uint8Array;
  /** What has to be there. */
  readonly synced: Exercised | undefined;
}

for (const { name, extents, ...recipe } of kinds) {
  t.test(name, { skip: cannotMount() || missing('mke2fs', 'e2fsck') }, async (t) => {
    t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
    const directory = scratchDirectory(t, 'iomap-crash');
    const bytes = imageBytes(await makeUsedImage(directory, 'image', recipe));
    const { kernel, disk } = simulatedMount(bytes, recipe.blockSize);
    const random = new Random(seed);
    const crashes: Crash[] = [];
    const between = (synced: Exercised | undefined): void => {
      const isDue = synced !== undefined ? random.below(4) === 0 : random.below(OPERATIONS / CRASHES) === 0;
      if (isDue && crashes.length < CRASHES) crashes.push({ bytes: bytes.slice(), synced });
    };
    exerciseFiles({ kernel, disk, random, operations: OPERATIONS, extents, hasInline: false, classic: false, between });
    t.ok(crashes.length > 0, `${crashes.length} crashes`);
    for (const [index, crash] of crashes.entries()) {
      const { kernel: next } = simulatedMount(crash.bytes, recipe.blockSize);
      t.strictSame(strange(next, crash.synced), [], 'what was synced is there, and nothing of what was there before');
      next.disconnect();
      t.strictSame(next.violations, []);
      t.equal(await e2fsckComplaints(writeImage(join(directory, `crash-${index}.img`), crash.bytes)), undefined, 'e2fsck finds nothing');
    }
  });
}

function strange(kernel: ReturnType<typeof simulatedMount>['kernel'], synced: Exercised | undefined): string[] {
  const found: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    const contents = readAll(kernel, name);
    if (contents === undefined) {
      if (synced?.path === name) found.push(`${name} is missing`);
      continue;
    }
    const at = contents.indexOf(OLD_DATA);
    if (at >= 0) found.push(`${name} of ${contents.length} bytes: old data at ${at}`);
    if (synced?.path === name && !synced.contents.equals(contents)) found.push(`${name} is not what was synced: ${contents.length} bytes instead of ${synced.contents.length}, from byte ${synced.contents.findIndex((byte, index) => byte !== contents[index])} on`);
  }
  return found;
}

function readAll(kernel: ReturnType<typeof simulatedMount>['kernel'], name: string): Uint8Array | undefined {
  try {
    const file = SimulatedFile.lookUp(kernel, ROOT, name);
    return file.read(0, file.size);
  } catch (error) {
    // A name that does not exist is an entry of nobody.
    if (error instanceof RequestError || (error as Error).message.startsWith('nodeid')) return undefined;
    throw error;
  }
}
