/** Devices that fail: a journal that cannot be written ends all changes, and what was committed is there at the next mount. */
import t from 'tap';
import { DeviceError, errno, FilesystemError } from '../../server/ext4/errors.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { mebibyte, type ImageRecipe } from '../support/image.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { scratchDirectory } from '../support/scratch.js';
import { Exerciser } from './exerciser.js';
import { complaintsAbout, imageBytes, openWritable } from './images.js';

t.setTimeout(600_000);
const first = Date.now() % 1e9;
const SEEDS = 4;

const recipes: Readonly<Record<string, ImageRecipe>> = {
  ext4: { blockSize: 1024, size: 12 * mebibyte, arguments: ['-J', 'size=1', '-N', '512'] },
  ext3: { type: 'ext3', blockSize: 1024, size: 12 * mebibyte, arguments: ['-J', 'size=1', '-N', '512'] },
  bigalloc: { blockSize: 1024, features: ['bigalloc'], size: 12 * mebibyte, arguments: ['-C', '4096', '-J', 'size=1', '-N', '512'] },
};

for (const [name, recipe] of Object.entries(recipes)) {
  for (let seed = first; seed < first + SEEDS; seed++) {
    t.test(`${name}, the journal cannot be written, seed ${seed}`, async (t) => {
      const scratch = scratchDirectory(t, 'fuse4fs-errors');
      const bytes = await imageBytes(scratch, recipe);
      const random = new Random(seed);
      const device = new RecordingDevice(bytes);
      const writable = openWritable(device);
      const exerciser = new Exerciser(writable, random);
      for (let step = 0; step < 100; step++) exerciser.step();
      const after = 20 + random.below(400);
      const broken = (index: number): boolean => index >= after;
      if (random.below(2) === 0) device.failures = { flush: (index) => index >= after / 10 };
      else device.failures = { write: broken, flush: (index) => index >= after };
      exerciser.tolerated.add(errno.EIO).add(errno.EROFS);
      t.ok(failsForGood(writable, exerciser), 'it ends with an error');
      t.match(refusal(writable), { errno: errno.EROFS }, 'and nothing can be changed then');
      t.doesNotThrow(() => readable(writable), 'but read');
      device.failures = {};
      try {
        writable.close();
      } catch (error) {
        t.ok(error instanceof FilesystemError, String(error));
      }
      openWritable(new RecordingDevice(bytes)).close();
      t.equal(await complaintsAbout(scratch, bytes), undefined, 'e2fsck after the next mount');
    });
  }
}

function failsForGood(writable: WritableFilesystem, exerciser: Exerciser): boolean {
  for (let step = 0; step < 3000 && writable.transactions.aborted === undefined; step++) {
    try {
      exerciser.step();
    } catch (error) {
      // What was to be written in place may be there in part: only the journal matters here.
      if (!(error instanceof DeviceError) && writable.transactions.aborted === undefined) throw error;
    }
  }
  return writable.transactions.aborted !== undefined;
}

function refusal(writable: WritableFilesystem): unknown {
  try {
    writable.change(() => undefined);
    return undefined;
  } catch (error) {
    return error;
  }
}

function readable({ filesystem }: WritableFilesystem): void {
  filesystem.directories.iterate(filesystem.root, 0, () => true);
}
