// npm run crash -- [--points N] [--seed N] [--only PART]: cuts the power N times per kind of image; the same seed cuts at the same moments.
import { parseArgs } from 'node:util';
import { crash, crashKinds } from '../dist/test/crash/crash-points.js';

const { values } = parseArgs({ options: { points: { type: 'string', default: '5000' }, seed: { type: 'string' }, only: { type: 'string', default: '' } } });
const seed = Number(values.seed ?? Date.now() % 1e9);
let failed = false;
console.log(`seed ${seed}`);
for (const kind of crashKinds.filter(({ name }) => name.includes(values.only))) {
  const { points, repaired, surprises } = await crash(kind, seed, Number(values.points), (done) => console.log(`  ${done} crashes`));
  console.log(`${kind.name}: ${points} crashes, ${repaired} of them recovered by e2fsck too, ${surprises.length} surprises`);
  for (const surprise of surprises) console.log(surprise);
  failed ||= surprises.length > 0;
}
process.exit(failed ? 1 : 0);
