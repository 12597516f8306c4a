// time limit: 900 s
/** The damaged images written to: the fuzzer's, and those beside the project. `npm run fuzz -- --write` does more. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { corpusImages, corpusIsMissing } from './corpus.js';
import { makeFuzzBases } from './fuzz-images.js';
import { fuzz } from './fuzz-run.js';
import { writeAndJudge } from './write-and-judge.js';

t.setTimeout(900_000);

const COUNT = 400;
const JUDGE_EVERY = 7;
/** Of CPU time, for one operation. */
const MOST_MILLISECONDS = 5000;

t.test('writing to damaged metadata ends in errors, and spoils nothing that was sound', { skip: missing('mke2fs', 'debugfs', 'cc') }, async (t) => {
  const bases = await makeFuzzBases(scratchDirectory(t, 'fuzz-write'));
  const seed = Number(process.env['FUSE4FS_SEED'] ?? 5_000_000);
  t.comment(`seeds ${seed} to ${seed + COUNT - 1} (FUSE4FS_SEED sets the first)`);
  const summary = await fuzz({ bases, seed, count: COUNT, judgeEvery: JUDGE_EVERY, failuresDirectory: join(tmpdir(), 'fuzz-failures') });
  for (const { seed, base, error, image } of summary.failures) t.fail(`seed ${seed}, image ${base}: ${error} (kept: ${image})`);
  t.equal(summary.images, COUNT, 'every image was written to or refused');
  t.comment(`${summary.refused} refused, ${summary.complained} with errors; longest operation ${summary.longest.toFixed(0)} ms`);
  t.comment(`of those that were judged: ${[...summary.soundness].map(([soundness, images]) => `${images} ${soundness}`).join(', ')}`);
});

t.test('every damaged image beside the project', { skip: corpusIsMissing() || missing('e2fsck') }, (t) => {
  for (const [index, image] of corpusImages().entries()) {
    const { longest, worse } = writeAndJudge(image.contents(), index, true);
    t.strictSame(worse, [], `${image.name}: nothing is worse than before`);
    t.ok(longest < MOST_MILLISECONDS, `${image.name}: the longest operation took ${longest.toFixed(0)} ms`);
  }
  t.end();
});
