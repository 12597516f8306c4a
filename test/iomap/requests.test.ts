/** How often the kernel has to ask: what it has been told once serves until it changes. */
import t, { type Test } from 'tap';
import { MappingType } from '../../protocol/fuse/iomap.js';
import { missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { KEEP_SIZE, SimulatedFile } from './simulated-file.js';
import { imageBytes, makeUsedImage, simulatedMount } from './simulated-mount.js';

const BLOCK = 4096;
const BLOCKS = 256;
const ROOT = 2;
const skip = missing('mke2fs');

/** A file of one written extent, as someone finds it who looks it up. */
async function file(t: Test, name: string): Promise<{ file: SimulatedFile; asked: (act: () => void) => number }> {
  const image = await makeUsedImage(scratchDirectory(t, 'iomap'), name, { blockSize: BLOCK });
  const { kernel } = simulatedMount(imageBytes(image), BLOCK);
  const made = SimulatedFile.make(kernel, ROOT, name);
  made.write(0, new Uint8Array(BLOCKS * BLOCK).fill(7));
  made.fsync();
  t.same(made.fiemap().filter(({ type }) => type !== MappingType.HOLE), [{ offset: 0, length: BLOCKS * BLOCK, type: MappingType.MAPPED }], 'one extent');
  made.evict();
  t.teardown(() => kernel.disconnect());
  const asked = (act: () => void): number => {
    const before = kernel.requests;
    act();
    return kernel.requests - before;
  };
  return { file: SimulatedFile.lookUp(kernel, ROOT, name), asked };
}

t.test('an extent is asked for once, wherever it is read first', { skip }, async (t) => {
  const { file: read, asked } = await file(t, 'read');
  t.equal(asked(() => read.read((BLOCKS - 1) * BLOCK, BLOCK)), 1);
  const elsewhere = asked(() => {
    for (const block of [128, 3, 77, 0, 200]) t.same(read.directRead(block * BLOCK, BLOCK), new Uint8Array(BLOCK).fill(7));
  });
  t.equal(elsewhere, 0);
});

t.test('overwriting what is mapped asks nothing', { skip }, async (t) => {
  const { file: written, asked } = await file(t, 'written');
  written.read(BLOCK, BLOCK);
  const requests = asked(() => {
    for (const block of [200, 2, 90]) written.directWrite(block * BLOCK, new Uint8Array(BLOCK).fill(block));
    written.write(5 * BLOCK, new Uint8Array(3 * BLOCK));
    written.writeBack(0, written.size);
    written.finishIo();
  });
  t.equal(requests, 0);
});

t.test('direct writes to what was reserved at length ask once', { skip }, async (t) => {
  const image = await makeUsedImage(scratchDirectory(t, 'iomap'), 'reserved', { blockSize: BLOCK });
  const { kernel, data } = simulatedMount(imageBytes(image), BLOCK);
  const made = SimulatedFile.make(kernel, ROOT, 'reserved');
  t.teardown(() => kernel.disconnect());
  made.fallocate(KEEP_SIZE, 0, BLOCKS * BLOCK);
  for (let block = 0; block < BLOCKS; block++) made.directWrite(block * BLOCK, new Uint8Array(BLOCK).fill(block));
  t.match(data.counters, { mappings: 1, completions: BLOCKS });
  for (const block of [0, 1, 100, BLOCKS - 1]) t.same(made.directRead(block * BLOCK, BLOCK), new Uint8Array(BLOCK).fill(block));
  // The rest of a block must not be taken for unwritten.
  made.fallocate(KEEP_SIZE, BLOCKS * BLOCK, 8 * BLOCK);
  const half = new Uint8Array(BLOCK / 2);
  made.directWrite(BLOCKS * BLOCK, half.fill(1));
  made.directWrite(BLOCKS * BLOCK + BLOCK / 2, half.slice().fill(2));
  t.same(made.directRead(BLOCKS * BLOCK, BLOCK), Buffer.concat([half, half.slice().fill(2)]));
  t.strictSame(kernel.violations, []);
});
