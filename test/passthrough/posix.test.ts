// time limit: 900 s
/** What system calls return and leave behind: on a mount of a directory as in that kind of directory, call by call. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { cannotMount, isFullSize } from '../support/machine.js';
import type { Case } from '../support/posix/case.js';
import { contents } from '../support/posix/contents.js';
import { GROUPS } from '../support/posix/groups.js';
import { runCases, transcript } from '../support/posix/run.js';
import { scratchDirectory } from '../support/scratch.js';
import { treeFilesystems } from '../support/tree-filesystems.js';
import { treeMount } from '../support/tree-mount.js';

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

type Groups = typeof ALL;
/** By group, case by case. */
type Results = Map<string, string[][]>;

/** What differs on a mount of a filesystem, and why. */
const DIFFERENT: Readonly<Record<string, ReadonlySet<string>>> = {
  ext4: new Set(),
  tmpfs: new Set([
    // No size of 2^53 bytes or more is one of ours.
    'truncate past what a file can hold',
    // tmpfs keeps what a mapping wrote beyond the end, and shows it when the file grows; the page cache of a mount does not.
    'a mapping does not grow a file',
  ]),
};

t.jobs = treeFilesystems.length;
for (const { name, withTree } of treeFilesystems) {
  t.test(`as the directory itself, on ${name}`, { skip: cannotMount(), buffered: true }, async (t) => {
    const directory = scratchDirectory(t, 'posix');
    const through = (passthrough: string, groups: Groups): Promise<Results> =>
      withTree(join(directory, passthrough), (tree) => treeMount(tree, [`passthrough=${passthrough}`], (target) => runGroups(target, groups)));

    const ways = [['auto', ALL], ['off', isFullSize ? ALL : ABOUT_DATA]] as const;
    const native = withTree(join(directory, 'native'), (tree) => runGroups(tree, ALL));
    const [expected, ...found] = await Promise.all([native, ...ways.map(([way, groups]) => through(way, groups))]);
    for (const [index, [way, groups]] of ways.entries()) {
      for (const [group, cases] of groups) {
        await t.test(`${group}, passthrough=${way}`, (t) => {
          for (const [at, one] of cases.entries()) {
            if (!DIFFERENT[name]?.has(one.name)) compare(t, one, expected.get(group)?.[at] ?? [], found[index]?.get(group)?.[at] ?? []);
          }
          t.end();
        });
      }
    }
  });
}

/** What each case of each group gave. They sleep most of the time, so those go side by side that take no space. */
async function runGroups(target: string, groups: Groups): Promise<Results> {
  const results: Results = new Map<string, string[][]>();
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
