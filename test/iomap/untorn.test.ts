/** Direct writes that the device does as a whole or not at all, where it can: with a simulated kernel. */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import t, { type Test } from 'tap';
import { AttributeFlag, IomapOperation, MappingFlag, MappingType } from '../../protocol/fuse/iomap.js';
import { serverShim } from '../../server/native/shim.js';
import { missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { SimulatedFile } from './simulated-file.js';
import { errnoOf } from './simulated-kernel.js';
import { imageBytes, makeUsedImage, simulatedMount, type SimulatedRecipe } from './simulated-mount.js';

const BLOCK = 4096;
const ROOT = 2;
const UNTORN = IomapOperation.WRITE | IomapOperation.DIRECT | IomapOperation.ATOMIC;
const { EBADF, EOPNOTSUPP } = constants.errno;
const skip = missing('mke2fs');

async function file(t: Test, recipe: Partial<SimulatedRecipe>, untornUnit?: number) {
  const image = await makeUsedImage(scratchDirectory(t, 'iomap'), 'image', { blockSize: BLOCK, ...recipe });
  const { kernel } = simulatedMount(imageBytes(image), BLOCK, untornUnit === undefined ? {} : { untornUnit });
  t.teardown(() => kernel.disconnect());
  return { kernel, made: SimulatedFile.make(kernel, ROOT, 'file') };
}

t.test('a block is mapped for one write, and that is not remembered', { skip }, async (t) => {
  const { kernel, made } = await file(t, {}, BLOCK);
  t.equal(made.flags & AttributeFlag.ATOMIC, AttributeFlag.ATOMIC, 'the kernel is told');
  const { mapping } = kernel.begin(made, UNTORN, 3 * BLOCK, BLOCK);
  t.match({ ...mapping }, { offset: 3 * BLOCK, length: BLOCK, type: MappingType.UNWRITTEN });
  t.equal(mapping.flags & MappingFlag.ATOMIC_BIO, MappingFlag.ATOMIC_BIO);
  const { mapping: plain } = kernel.begin(made, IomapOperation.WRITE | IomapOperation.DIRECT, 3 * BLOCK, BLOCK);
  t.equal(plain.flags & MappingFlag.ATOMIC_BIO, 0, 'other writes may be torn');
  made.write(0, new Uint8Array(16 * BLOCK).fill(1));
  made.fsync();
  const { mapping: written } = kernel.begin(made, UNTORN, 5 * BLOCK, BLOCK);
  t.equal(written.type, MappingType.MAPPED);
  t.ok(written.offset <= 5 * BLOCK && written.offset + written.length >= 6 * BLOCK, 'over what is there');
  t.strictSame(kernel.violations, []);
});

const torn: readonly (readonly [what: string, recipe: Partial<SimulatedRecipe>, unit: number | undefined])[] = [
  ['a device that does not say so', {}, undefined],
  ['another length than that of blocks', {}, 512],
  ['a block map', { type: 'ext3' }, BLOCK],
];

for (const [what, recipe, unit] of torn) {
  t.test(`not with ${what}`, { skip }, async (t) => {
    const { kernel, made } = await file(t, recipe, unit);
    t.equal(made.flags & AttributeFlag.ATOMIC, 0);
    t.equal(errnoOf(() => kernel.begin(made, UNTORN, 0, BLOCK)), EOPNOTSUPP);
  });
}

t.test('what is no such device says nothing', async (t) => {
  const units = new Float64Array([1, 1]);
  const descriptor = openSync('/dev/null', 'r');
  t.equal(serverShim.untornWrites(descriptor, units), 0);
  closeSync(descriptor);
  t.strictSame([...units], [0, 0]);
  t.equal(serverShim.untornWrites(descriptor, units), -EBADF);
});
