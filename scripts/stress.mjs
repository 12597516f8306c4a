// npm run stress -- --help: random operations on every kind of image, at length.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageKinds } from '../dist/test/crash/images.js';
import { killedKinds, killRepeatedly } from '../dist/test/crash/killed-server.js';
import { exerciseRandomly } from '../dist/test/crash/random-run.js';
import { dataKinds, exerciseData } from '../dist/test/mount/data-exerciser.js';
import { exerciseTree, treeKinds } from '../dist/test/mount/tree-exerciser.js';
import { anySeed, count, longRun, seed } from './options.mjs';

const values = longRun('stress')
  .description('Random operations on every kind of image: on the library, unless an option says otherwise.')
  .option('--steps <number>', 'operations of a round on the library', count, 20_000)
  .option('--rounds <number>', 'rounds on the library, with a new mount each', count, 3)
  .option('--fsx', 'on the data of files, through a mount')
  .option('--operations <number>', 'of --fsx', count, 200_000)
  .option('--fsstress', 'on a tree, by several processes, through a mount')
  .option('--seconds <number>', 'of --fsstress', count, 300)
  .option('--processes <number>', 'of --fsstress', count, 8)
  .option('--kill', 'kill the server under load')
  .option('--kills <number>', 'of --kill, for each kind of image', count, 30)
  .option('--only <part>', 'only kinds of image whose name contains this')
  .option('--seed <number>', 'the same seed gives the same operations (default: the time)', seed)
  .option('--runs <number>', 'run everything so often, with a new seed each', count, 1)
  .parse()
  .opts();

/** Each: its kinds of image, and what runs one of them and tells problems and, where there is more to say, outcomes. */
const exercisers = {
  library: { kinds: imageKinds, run: (directory, kind, seed) => exerciseRandomly(directory, kind, { seed, steps: values.steps, rounds: values.rounds }) },
  fsx: {
    kinds: dataKinds,
    run: async (directory, kind, seed) => {
      const { operations } = values;
      return { problems: await exerciseData(directory, kind, { seed, operations, remounts: Math.ceil(operations / 20_000), seconds: 60 + operations / 100 }) };
    },
  },
  fsstress: {
    kinds: treeKinds,
    run: (directory, kind, seed) => exerciseTree(directory, kind, { seed, processes: values.processes, seconds: values.seconds }),
  },
  kill: {
    kinds: killedKinds,
    run: async (directory, kind, seed) => {
      const { problems, acknowledgements } = await killRepeatedly(directory, kind, { seed, rounds: values.kills });
      return { problems, outcomes: `${acknowledgements} acknowledgements` };
    },
  },
};

const { kinds, run } = exercisers[['fsx', 'fsstress', 'kill'].find((name) => values[name]) ?? 'library'];
const first = values.seed ?? anySeed();
let failed = false;
for (let seed = first; seed < first + values.runs; seed++) {
  for (const kind of kinds.filter(({ name }) => name.includes(values.only ?? ''))) {
    const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-stress-'));
    const { problems, outcomes = '' } = await run(directory, kind, seed).catch((error) => ({ problems: [error.stack] }));
    console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} seed ${seed}, ${kind.name} ${outcomes}`);
    for (const problem of problems) console.log(`     ${problem}`);
    if (problems.length === 0) rmSync(directory, { recursive: true });
    else console.log(`     images in ${directory}`);
    failed ||= problems.length > 0;
  }
}
process.exit(failed ? 1 : 0);
