/** Small reads by several readers at once, none of it in memory: each gets its own bytes, whichever the device has first. */
import { constants, mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/command.js';
import { makeImage, mebibyte } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';
import { requestsOf } from '../support/server.js';

const BLOCK = 4096;
const BLOCKS = 4096;
const READS = 4000;
const READERS = 4;

t.test('direct reads', { skip: cannotMount() }, async (t) => {
  const directory = scratchDirectory(t, 'reads');
  const content = join(directory, 'content');
  mkdirSync(content);
  const numbered = new Uint32Array((BLOCKS * BLOCK) / 4);
  for (let block = 0; block < BLOCKS; block++) numbered.fill(block + 1, (block * BLOCK) / 4, ((block + 1) * BLOCK) / 4);
  writeFileSync(join(content, 'file'), numbered);
  const image = await makeImage(directory, { from: content, size: 64 * mebibyte });
  const seed = Number(process.env['FUSE4FS_SEED'] ?? 71);
  t.comment(`seed ${seed}`);
  await fuseMount(image, ['ro'], async (target) => {
    // Nothing of the image stays in memory.
    await run('dd', [`if=${image}`, 'iflag=nocache', 'count=0', 'status=none']);
    const before = (await requestsOf(target))['READ'] ?? 0;
    const file = await open(join(target, 'file'), constants.O_RDONLY | constants.O_DIRECT);
    const random = new Random(seed);
    const wrong: number[] = [];
    const reader = async (reads: number): Promise<void> => {
      const buffer = new Uint32Array(BLOCK / 4);
      for (let read = 0; read < reads; read++) {
        const block = random.below(BLOCKS);
        const { bytesRead } = await file.read(buffer, 0, BLOCK, block * BLOCK);
        if (bytesRead !== BLOCK || buffer.some((word) => word !== block + 1)) wrong.push(block);
      }
    };
    await Promise.all(Array.from({ length: READERS }, () => reader(READS / READERS)));
    await file.close();
    t.strictSame(wrong, [], 'every block has its own content');
    t.equal(((await requestsOf(target))['READ'] ?? 0) - before, READS, 'each is counted once');
  });
});
