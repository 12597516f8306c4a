// npm run stress -- [--steps N] [--rounds N] [--seed N] [--runs N] [--only PART]: random operations on every kind of image.
// npm run stress -- --fsx [--operations N] …: on the data of files, through a mount.
// npm run stress -- --fsstress [--seconds N] [--processes N] …: on a tree, by several processes, through a mount.
// npm run stress -- --kill [--kills N] …: kills the server under load, N times for each kind of image.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { imageKinds } from '../dist/test/crash/images.js';
import { killedKinds, killRepeatedly } from '../dist/test/crash/killed-server.js';
import { exerciseRandomly } from '../dist/test/crash/random-run.js';
import { dataKinds, exerciseData } from '../dist/test/mount/data-exerciser.js';
import { exerciseTree, treeKinds } from '../dist/test/mount/tree-exerciser.js';

const text = (value) => ({ type: 'string', default: value });
const { values } = parseArgs({
  options: {
    fsx: { type: 'boolean', default: false },
    operations: text('200000'),
    fsstress: { type: 'boolean', default: false },
    seconds: text('300'),
    processes: text('8'),
    kill: { type: 'boolean', default: false },
    kills: text('30'),
    steps: text('20000'),
    rounds: text('3'),
    runs: text('1'),
    only: text(''),
    seed: { type: 'string' },
  },
});

/** Each: its kinds of image, and what runs one of them and tells problems and, where there is more to say, outcomes. */
const exercisers = {
  library: { kinds: imageKinds, run: (directory, kind, seed) => exerciseRandomly(directory, kind, { seed, steps: Number(values.steps), rounds: Number(values.rounds) }) },
  fsx: {
    kinds: dataKinds,
    run: async (directory, kind, seed) => {
      const operations = Number(values.operations);
      return { problems: await exerciseData(directory, kind, { seed, operations, remounts: Math.ceil(operations / 20_000), seconds: 60 + operations / 100 }) };
    },
  },
  fsstress: {
    kinds: treeKinds,
    run: (directory, kind, seed) => exerciseTree(directory, kind, { seed, processes: Number(values.processes), seconds: Number(values.seconds) }),
  },
  kill: {
    kinds: killedKinds,
    run: async (directory, kind, seed) => {
      const { problems, acknowledgements } = await killRepeatedly(directory, kind, { seed, rounds: Number(values.kills) });
      return { problems, outcomes: `${acknowledgements} acknowledgements` };
    },
  },
};

const { kinds, run } = exercisers[['fsx', 'fsstress', 'kill'].find((name) => values[name]) ?? 'library'];
const first = Number(values.seed ?? Date.now() % 1e9);
let failed = false;
for (let seed = first; seed < first + Number(values.runs); seed++) {
  for (const kind of kinds.filter(({ name }) => name.includes(values.only))) {
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
