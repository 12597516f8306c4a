// time limit: 900 s
/** What system calls return and leave behind: on our mount as on the kernel's own ext4, call by call. */
import { mkdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { mountsForIomap } from '../support/mount-source.js';
import type { Case } from '../support/posix/case.js';
import { GROUPS } from '../support/posix/groups.js';
import { runCases, transcript } from '../support/posix/run.js';
import { scratchDirectory } from '../support/scratch.js';

const FEWEST_CASES = 600;

t.setTimeout(900_000);

t.test('enough cases, each with a name of its own', (t) => {
  const names = Object.entries(GROUPS).flatMap(([group, cases]) => cases.map(({ name }) => `${group}: ${name}`));
  t.equal(new Set(names).size, names.length, 'no name twice');
  t.ok(names.length >= FEWEST_CASES, `${names.length} cases`);
  t.end();
});

t.test('as the kernel', { skip: cannotMount() }, async (t) => {
  const directory = scratchDirectory(t, 'posix');
  const groups = Object.entries(GROUPS);
  const resultsOf = async (mount: typeof kernelMount, name: string): Promise<string[][][]> => {
    const image = await makeImage(directory, { size: 256 * mebibyte }, name);
    const results = await mount(image, [], async (target) => {
      const all: string[][][] = [];
      for (const [index, [, cases]] of groups.entries()) all.push(await runGroup(target, index, cases));
      return all;
    });
    t.equal(await e2fsckComplaints(image), undefined, `${name}: e2fsck finds nothing`);
    return results;
  };
  const [expected, found] = await Promise.all([resultsOf(kernelMount, 'kernel'), resultsOf(fuseMount, 'ours')]);
  for (const [index, [group, cases]] of groups.entries()) {
    await t.test(group, (t) => {
      for (const [at, one] of cases.entries()) compare(t, one, expected[index]?.[at] ?? [], found[index]?.[at] ?? []);
      t.end();
    });
  }
});

async function runGroup(target: string, index: number, cases: readonly Case[]): Promise<string[][]> {
  const directory = `${target}/${index}`;
  mkdirSync(directory);
  return runCases(directory, cases);
}

/** What the page cache answers changes no access time: they are compared where they are set; reading has access-times.test.ts. */
const withoutAccessTimes = (results: readonly string[]): string[] => results.map((line) => line.replace(/times .(..)$/u, 'times $1'));

function compare(t: Test, one: Case, kernel: readonly string[], ours: readonly string[]): void {
  const [expected, found] = [withoutAccessTimes(kernel), withoutAccessTimes(ours)];
  if (one.differs === undefined || (mountsForIomap && one.agreesWithIomap === true)) t.strictSame(transcript(one, found), transcript(one, expected), one.name);
  else t.strictNotSame(found, expected, `${one.name} (differs: ${one.differs})`);
}
