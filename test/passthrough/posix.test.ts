// time limit: 900 s
/** What system calls return and leave behind: on a mount of a directory as in that kind of directory, call by call. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeImage, mebibyte } from '../support/image.js';
import { cannotMount, isFullSize } from '../support/machine.js';
import { kernelMount } from '../support/mount.js';
import type { Case } from '../support/posix/case.js';
import { contents } from '../support/posix/contents.js';
import { GROUPS } from '../support/posix/groups.js';
import { runCases, transcript } from '../support/posix/run.js';
import { scratchDirectory } from '../support/scratch.js';
import { treeIn, treeMount } from '../support/tree-mount.js';

t.setTimeout(900_000);

const ALL = Object.entries(GROUPS);
/** Who reads and writes matters to the contents. */
const ABOUT_DATA = ALL.filter(([group]) => group === 'opening' || group in contents);

/** Device nodes of the whole machine are not made by a server that is root of its own users only. */
const makesDeviceNodes = ({ calls }: Case): boolean => calls.some((call) => /^mknod \S+ [bc] /u.test(call));

/** Who really writes is never one whom the kernel lets keep set-id bits, whoever asked for it; and it is in the group of root. */
const changesContents = ({ calls }: Case): boolean => calls.some((call) => /^(p?write|append|mmapwrite|f?truncate|fallocate|copy|open .*TRUNC)/u.test(call));

/** Where a filesystem puts data is its own affair, and what the page cache answers changes no access time. */
const comparable = (one: Case, results: readonly string[]): string[] =>
  results.map((line) => {
    const withoutChance = line.replace(/times .(..)$/u, 'times $1').replace(/^\d+ \d+ of 512/u, 'so many of 512');
    return changesContents(one) ? withoutChance.replace(/^(10)[0-7]([0-7]{3}) /u, '$1*$2 ') : withoutChance;
  });

t.test('as the directory itself', { skip: cannotMount() }, async (t) => {
  const directory = scratchDirectory(t, 'posix');
  const inImage = async <Result>(name: string, use: (tree: string) => Promise<Result>): Promise<Result> => {
    mkdirSync(join(directory, name));
    return kernelMount(await makeImage(join(directory, name), { size: 256 * mebibyte }), [], (mounted) => use(treeIn(mounted)));
  };
  const through = (passthrough: string, groups: typeof ALL) =>
    inImage(passthrough, (tree) => treeMount(tree, [`passthrough=${passthrough}`], (target) => runGroups(target, groups)));

  const ways = [['auto', ALL], ['off', isFullSize ? ALL : ABOUT_DATA]] as const;
  const [expected, ...found] = await Promise.all([inImage('native', (tree) => runGroups(tree, ALL)), ...ways.map(([way, groups]) => through(way, groups))]);
  for (const [index, [way, groups]] of ways.entries()) {
    for (const [group, cases] of groups) {
      await t.test(`${group}, passthrough=${way}`, (t) => {
        for (const [at, one] of cases.entries()) compare(t, one, expected.get(group)?.[at] ?? [], found[index]?.get(group)?.[at] ?? []);
        t.end();
      });
    }
  }
});

/** What each case of each group gave. They sleep most of the time, so those go side by side that take no space. */
async function runGroups(target: string, groups: typeof ALL): Promise<Map<string, string[][]>> {
  const results = new Map<string, string[][]>();
  const runGroup = async ([group, cases]: (typeof ALL)[number]): Promise<void> => {
    const directory = join(target, group);
    mkdirSync(directory);
    results.set(group, await runCases(directory, cases));
  };
  await Promise.all(groups.filter(([group]) => !(group in contents)).map(runGroup));
  for (const one of groups.filter(([group]) => group in contents)) await runGroup(one);
  return results;
}

function compare(t: Test, one: Case, native: readonly string[], ours: readonly string[]): void {
  if (one.differs !== undefined || makesDeviceNodes(one)) return;
  t.strictSame(transcript(one, comparable(one, ours)), transcript(one, comparable(one, native)), one.name);
}
