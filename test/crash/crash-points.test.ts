// time limit: 1500 s
/** The power is cut at every kind of moment of random workloads: see crash-points.ts. */
import t from 'tap';
import { missing } from '../support/machine.js';
import { crash, crashKinds } from './crash-points.js';

t.setTimeout(1_200_000);
/** For each kind of image. */
const POINTS = 350;
const POINTS_OTHERWISE = 150;
const seed = Number(process.env['FUSE4FS_SEED'] ?? 136);

for (const kind of crashKinds) {
  t.test(kind.name, { skip: missing('e2fsck', 'mke2fs') }, async (t) => {
    const started = performance.now();
    const { points, duringJobs, repaired, surprises } = await crash(kind, seed, kind.inBackground ? POINTS : POINTS_OTHERWISE);
    t.comment(`seed ${seed}: ${points} crash points, ${repaired} by e2fsck too, ${((performance.now() - started) / 1000).toFixed(1)} s`);
    t.ok(kind.inBackground !== true || duringJobs > 50, `${duringJobs} operations while something was being written`);
    t.strictSame(surprises, [], 'what was committed is there, nothing else shows, and e2fsck has no complaints');
  });
}
