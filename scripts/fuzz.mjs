// npm run fuzz -- --help: reads damaged images, or writes to them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFuzzBases } from '../dist/test/hostile/fuzz-images.js';
import { fuzz } from '../dist/test/hostile/fuzz-run.js';
import { anySeed, count, longRun, seed } from './options.mjs';

const values = longRun('fuzz')
  .description('Reads all of many damaged images, or writes to them: nothing but a typed error may come of it.')
  .option('--count <number>', 'images', count, 20_000)
  .option('--seed <number>', 'of the first; the same seed gives the same images (default: the time)', seed)
  .option('--write', 'write to them')
  .option('--judge-every <number>', 'with --write: e2fsck judges one in so many', count, 1)
  .parse()
  .opts();
const first = values.seed ?? anySeed();
const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-fuzz-'));

console.log(`${values.count} images from seed ${first}; failures are kept in test-failures/`);
const bases = await makeFuzzBases(directory);
const started = performance.now();
const summary = await fuzz({
  bases,
  seed: first,
  count: values.count,
  failuresDirectory: 'test-failures',
  judgeEvery: values.write ? values.judgeEvery : undefined,
  onProgress: (images) => console.log(`${images} images, ${(images / ((performance.now() - started) / 1000)).toFixed(0)} a second`),
});
rmSync(directory, { recursive: true });
for (const failure of summary.failures) console.log(`FAILED seed ${failure.seed} (${failure.base}), kept in ${failure.image}:\n  ${failure.error}`);
for (const [kind, images] of [...summary.kinds].sort()) console.log(`  ${String(images).padStart(7)} with damage to a ${kind}`);
console.log(`${summary.images} images: ${summary.refused} refused, ${summary.complained} ${values.write ? 'changed' : 'read'} with errors, ${summary.failures.length} failures; longest operation ${summary.longest.toFixed(0)} ms`);
for (const [soundness, images] of summary.soundness) console.log(`  ${String(images).padStart(7)} were ${soundness} before they were written to`);
process.exit(summary.failures.length > 0 ? 1 : 0);
