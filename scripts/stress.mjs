// npm run stress -- [--steps N] [--rounds N] [--seed N] [--runs N] [--only PART]: random operations on every kind of image.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { imageKinds } from '../dist/test/crash/images.js';
import { exerciseRandomly } from '../dist/test/crash/random-run.js';

const text = (value) => ({ type: 'string', default: value });
const { values } = parseArgs({ options: { steps: text('20000'), rounds: text('3'), runs: text('1'), only: text(''), seed: { type: 'string' } } });
const first = Number(values.seed ?? Date.now() % 1e9);
let failed = false;
for (let seed = first; seed < first + Number(values.runs); seed++) {
  for (const kind of imageKinds.filter(({ name }) => name.includes(values.only))) {
    const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-stress-'));
    const { problems, outcomes } = await exerciseRandomly(directory, kind, { seed, steps: Number(values.steps), rounds: Number(values.rounds) })
      .catch((error) => ({ problems: [error.stack], outcomes: '' }));
    console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} seed ${seed}, ${kind.name}: ${outcomes}`);
    for (const problem of problems) console.log(`     ${problem}`);
    if (problems.length === 0) rmSync(directory, { recursive: true });
    else console.log(`     images in ${directory}`);
    failed ||= problems.length > 0;
  }
}
process.exit(failed ? 1 : 0);
