/** What the fuzzer found, each pinned by the damage alone. */
import t from 'tap';
import { CorruptionError } from '../../server/ext4/errors.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { debugfs, makeImage, mebibyte } from '../support/image.js';
import { missing } from '../support/machine.js';
import { MemoryDevice } from '../support/memory-device.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = missing('mke2fs', 'debugfs');

t.test('a journal inode of petabytes was mapped block by block', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'found'), { blockSize: 1024, size: 14 * mebibyte });
  await debugfs(image, ['jo -c', 'jw -b 300 /dev/zero', 'jc', 'sif <8> size 2260595907756032'], true);
  t.throws(() => Filesystem.open(MemoryDevice.of(image, true)), CorruptionError, 'it is refused for its size');
});
