/** A filesystem without room, whose data the kernel moves: with a simulated kernel. */
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { e2fsckComplaints } from '../support/image.js';
import { missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { KEEP_SIZE, SimulatedFile } from './simulated-file.js';
import { errnoOf } from './simulated-kernel.js';
import { imageBytes, makeUsedImage, simulatedMount, writeImage } from './simulated-mount.js';

const { ENOSPC } = constants.errno;
const BLOCK = 4096;
const ROOT = 2;
const MOST = 256;
const skip = missing('mke2fs', 'e2fsck');

type Taking = (file: SimulatedFile, at: number, length: number) => void;

const written: Taking = (file, at, length) => {
  file.write(at, new Uint8Array(length).fill(1));
};
const reserved: Taking = (file, at, length) => {
  file.fallocate(KEEP_SIZE, at, length);
};

/** Takes what there is, in ever shorter pieces: the last ones find less than they want. */
function fillUp(file: SimulatedFile, take: Taking): void {
  for (let at = 0, blocks = MOST; blocks > 0; ) {
    const error = errnoOf(() => {
      take(file, at, blocks * BLOCK);
    });
    if (error !== 0 && error !== ENOSPC) throw new Error(`errno ${error}`);
    if (error === 0) at += blocks * BLOCK;
    else blocks >>= 1;
  }
}

async function full(t: Test, take: Taking) {
  const directory = scratchDirectory(t, 'iomap');
  const image = await makeUsedImage(directory, 'image', { blockSize: BLOCK, size: 16, arguments: ['-m', '0', '-N', '64'] });
  const bytes = imageBytes(image);
  const { kernel } = simulatedMount(bytes, BLOCK);
  const one = SimulatedFile.make(kernel, ROOT, 'one');
  one.write(0, new Uint8Array(BLOCK).fill(1));
  one.fsync();
  const rest = SimulatedFile.make(kernel, ROOT, 'rest');
  fillUp(rest, take);
  const finish = async (): Promise<void> => {
    kernel.disconnect();
    t.strictSame([kernel.violations, kernel.failures], [[], []]);
    t.equal(await e2fsckComplaints(writeImage(join(directory, 'after.img'), bytes)), undefined, 'e2fsck finds nothing');
  };
  return { kernel, one, rest, finish };
}

for (const [what, take] of [['written', written], ['reserved', reserved]] as const) {
  t.test(`full of what was ${what}: room for one block more as soon as one is freed`, { skip }, async (t) => {
    const { kernel, one, rest, finish } = await full(t, take);
    rest.fsync();
    const more = SimulatedFile.make(kernel, ROOT, 'more');
    const write = (): void => {
      more.write(0, new Uint8Array(BLOCK).fill(2));
    };
    t.equal(errnoOf(write), ENOSPC);
    kernel.unlink(ROOT, 'one');
    one.evict();
    t.equal(errnoOf(write), 0);
    more.fsync();
    t.equal(errnoOf(() => {
      more.write(BLOCK, new Uint8Array(BLOCK).fill(3));
    }), ENOSPC, 'not for two');
    await finish();
  });
}

t.test('what was reserved can be written in any order on a full filesystem', { skip }, async (t) => {
  const { rest, finish } = await full(t, reserved);
  const block = new Uint8Array(BLOCK).fill(5);
  for (let number = 0; number < 2 * MOST; number += 2) rest.directWrite(number * BLOCK, block);
  for (let number = 0; number < 2 * MOST; number += 2) if (!Buffer.from(rest.directRead(number * BLOCK, BLOCK)).equals(block)) throw new Error(`block ${number}`);
  rest.fsync();
  await finish();
});
