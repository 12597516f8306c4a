// npm run crash -- --help: cuts the power at many moments of a workload.
import { crash, crashKinds } from '../dist/test/crash/crash-points.js';
import { anySeed, count, longRun, seed } from './options.mjs';

const values = longRun('crash')
  .description('Cuts the power at random moments of a workload, and judges what recovery makes of the image.')
  .option('--points <number>', 'crashes for each kind of image', count, 5000)
  .option('--only <part>', 'only kinds of image whose name contains this')
  .option('--seed <number>', 'the same seed cuts at the same moments (default: the time)', seed)
  .parse()
  .opts();
const first = values.seed ?? anySeed();
let failed = false;
console.log(`seed ${first}`);
for (const kind of crashKinds.filter(({ name }) => name.includes(values.only ?? ''))) {
  const { points, repaired, surprises } = await crash(kind, first, values.points, (done) => console.log(`  ${done} crashes`));
  console.log(`${kind.name}: ${points} crashes, ${repaired} of them recovered by e2fsck too, ${surprises.length} surprises`);
  for (const surprise of surprises) console.log(surprise);
  failed ||= surprises.length > 0;
}
process.exit(failed ? 1 : 0);
