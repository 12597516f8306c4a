// npm run fuzz -- [--count N] [--seed N] [--write [--judge-every N]]: reads, or writes to, N damaged images; the same seed gives the same images.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeFuzzBases } from '../dist/test/hostile/fuzz-images.js';
import { fuzz } from '../dist/test/hostile/fuzz-run.js';

const { values } = parseArgs({ options: { count: { type: 'string', default: '20000' }, seed: { type: 'string' }, write: { type: 'boolean', default: false }, 'judge-every': { type: 'string', default: '1' } } });
const count = Number(values.count);
const seed = Number(values.seed ?? Date.now() % 1e9);
const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-fuzz-'));

console.log(`${count} images from seed ${seed}; failures are kept in test-failures/`);
const bases = await makeFuzzBases(directory);
const started = performance.now();
const summary = await fuzz({
  bases,
  seed,
  count,
  failuresDirectory: 'test-failures',
  judgeEvery: values.write ? Number(values['judge-every']) : undefined,
  onProgress: (images) => console.log(`${images} images, ${(images / ((performance.now() - started) / 1000)).toFixed(0)} a second`),
});
rmSync(directory, { recursive: true });
for (const failure of summary.failures) console.log(`FAILED seed ${failure.seed} (${failure.base}), kept in ${failure.image}:\n  ${failure.error}`);
for (const [kind, images] of [...summary.kinds].sort()) console.log(`  ${String(images).padStart(7)} with damage to a ${kind}`);
console.log(`${summary.images} images: ${summary.refused} refused, ${summary.complained} ${values.write ? 'changed' : 'read'} with errors, ${summary.failures.length} failures; longest operation ${summary.longest.toFixed(0)} ms`);
for (const [soundness, images] of summary.soundness) console.log(`  ${String(images).padStart(7)} were ${soundness} before they were written to`);
process.exit(summary.failures.length > 0 ? 1 : 0);
