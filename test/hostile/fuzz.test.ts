// time limit: 600 s
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import t from 'tap';
import { missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { makeFuzzBases } from './fuzz-images.js';
import { exercise } from './exercise.js';
import { fuzz } from './fuzz-run.js';
import { MemoryDevice } from '../support/memory-device.js';

t.setTimeout(600_000);

/** `npm run fuzz -- --count 20000` reads more. */
const COUNT = 1500;

t.test('damaged metadata ends in errors, never in anything else', { skip: missing('mke2fs', 'debugfs', 'cc') }, async (t) => {
  const bases = await makeFuzzBases(scratchDirectory(t, 'fuzz'));
  for (const { name, path } of bases) {
    const { refused, entries, errors } = exercise(MemoryDevice.of(path, true));
    t.equal(refused, undefined, `${name} opens before it is damaged`);
    t.ok(entries > 700 && errors === 0, `${name}: all of its ${entries} entries are read without an error`);
  }

  const seed = Number(process.env['FUSE4FS_SEED'] ?? 4_000_000);
  t.comment(`seeds ${seed} to ${seed + COUNT - 1} (FUSE4FS_SEED sets the first)`);
  const summary = await fuzz({ bases, seed, count: COUNT, failuresDirectory: join(tmpdir(), 'fuzz-failures') });
  for (const { seed, base, error, image } of summary.failures) t.fail(`seed ${seed}, image ${base}: ${error} (kept: ${image})`);
  t.equal(summary.images, COUNT, 'every image was read or refused');
  t.comment(`${summary.refused} refused, ${summary.complained} read with errors; longest operation ${summary.longest.toFixed(0)} ms`);
  t.comment([...summary.kinds].map(([kind, images]) => `${kind}: ${images}`).join(', '));
  t.ok(summary.complained > COUNT / 5, 'the damage gets through to what lies behind the checksums');
});
