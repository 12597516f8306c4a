// time limit: 900 s
/** Random operations on every kind of image, against a model, judged by e2fsck and the kernel. */
import t from 'tap';
import { scratchDirectory } from '../support/scratch.js';
import { imageKinds } from './images.js';
import { exerciseRandomly } from './random-run.js';

t.setTimeout(1_200_000);
const seed = Number(process.env['FUSE4FS_SEED'] ?? 122);

for (const kind of imageKinds) {
  t.test(kind.name, async (t) => {
    t.comment(`seed ${seed}`);
    const { problems, outcomes } = await exerciseRandomly(scratchDirectory(t, 'fuse4fs-random'), kind, { seed, steps: 800, rounds: 2 });
    t.comment(outcomes);
    t.strictSame(problems, [], 'the tree is the same in memory, after a remount and for the kernel, and e2fsck has no complaints');
  });
}
