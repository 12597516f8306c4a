/** What others change beneath the mount of a directory, and that the kernel asks nothing while nobody changes anything. */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { cannotMount } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { statusOf } from '../support/server.js';
import { treeFilesystems } from '../support/tree-filesystems.js';
import { codeOf, treeIn, treeMount } from '../support/tree-mount.js';
import { until } from '../support/until.js';

t.setTimeout(300_000);

/** In milliseconds. Without being told, the kernel would ask each second. */
const QUIET = 2500;
/** Without being told, it would ask after a minute. */
const AT_ONCE = 40_000;
const skip = cannotMount() || (!existsSync('/proc/sys/fs/fanotify') && 'the kernel has no fanotify');

const other = (script: string, directory: string): void => {
  const { status, stderr } = spawnSync('sh', ['-ec', script], { cwd: directory, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};

const asked = async (target: string): Promise<number> => {
  const { requests } = await statusOf(target);
  return (requests['LOOKUP'] ?? 0) + (requests['GETATTR'] ?? 0) + (requests['STATX'] ?? 0);
};

/** Waits for a time during which looking asks nothing of the server. */
const untilQuiet = async (target: string, look: () => void): Promise<void> => {
  let before = -1;
  let since = 0;
  await until('looking again asks nothing', async () => {
    look();
    const now = await asked(target);
    if (now !== before) since = performance.now();
    before = now;
    return performance.now() - since > QUIET || undefined;
  });
};

const untilSeen = async (t: Test, what: string, look: () => boolean): Promise<void> => {
  const since = performance.now();
  await until(what, () => look() || undefined);
  const took = performance.now() - since;
  t.ok(took < AT_ONCE, `${what}, after ${took.toFixed(0)} ms`);
};

for (const { name, withTree } of treeFilesystems) {
  t.test(`changes underneath, on ${name}`, { skip }, async (t) => {
    await withTree(scratchDirectory(t, 'tree-watch'), async (tree) => {
      other('mkdir -p sub/deep; echo before >file; echo deep >sub/deep/file; touch removed moved replaced; ln -s old link; ln file second', tree);
      await treeMount(tree, ['passthrough=off'], async (target) => {
        const here = (path: string): string => join(target, path);
        const paths = ['file', 'sub/deep/file', 'removed', 'moved', 'replaced', 'second', 'sub', 'sub/deep'];
        const lookAtAll = (): void => {
          for (const path of paths) statSync(here(path));
          // Reading it would change a time.
          lstatSync(here('link'));
          for (const path of ['absent', 'sub/absent']) t.equal(codeOf(() => statSync(here(path))), 'ENOENT');
        };
        t.equal(readFileSync(here('file'), 'utf8'), 'before\n');
        await untilQuiet(target, lookAtAll);
        t.ok(((await statusOf(target)).cache as Record<string, number>)['watchedNodes'] ?? 0, 'what was looked at again is watched');

        other('echo afterwards >file', tree);
        await untilSeen(t, 'other contents, and a size', () => readFileSync(here('file'), 'utf8') === 'afterwards\n' && statSync(here('second')).size === 11);
        other('chmod 640 sub/deep/file; chmod 700 sub', tree);
        await untilSeen(t, 'modes', () => (statSync(here('sub/deep/file')).mode & 0o777) === 0o640 && (statSync(here('sub')).mode & 0o777) === 0o700);
        other('rm removed second', tree);
        await untilSeen(t, 'a removal', () => codeOf(() => statSync(here('removed'))) === 'ENOENT' && statSync(here('file')).nlink === 1);
        other('mv moved sub/moved', tree);
        await untilSeen(t, 'a rename', () => codeOf(() => statSync(here('moved'))) === 'ENOENT' && codeOf(() => statSync(here('sub/moved'))) === 'ok');
        other('touch absent; echo now >sub/absent', tree);
        await untilSeen(t, 'names that were looked for in vain', () => codeOf(() => statSync(here('absent'))) === 'ok' && codeOf(() => readFileSync(here('sub/absent'))) === 'ok');
        other('echo another >new; mv new replaced; ln -sfn other link', tree);
        await untilSeen(t, 'another file in the place', () => readFileSync(here('replaced'), 'utf8') === 'another\n' && readlinkSync(here('link')) === 'other');
        other('mv sub/deep sub/other; mkdir sub/deep; touch sub/deep/fresh', tree);
        await untilSeen(t, 'another directory in the place', () => codeOf(() => statSync(here('sub/deep/file'))) === 'ENOENT' && codeOf(() => statSync(here('sub/other/file'))) === 'ok');
      });
    });
  });
}

const gauges = async (target: string): Promise<Readonly<Record<string, number>>> => (await statusOf(target)).cache as Record<string, number>;

t.test('not watched: as is asked for, and where a policy is about places', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'tree-unwatched');
  const tree = treeIn(directory);
  writeFileSync(join(tree, 'file'), 'one');
  const policy = join(directory, 'policy.json');
  writeFileSync(policy, JSON.stringify({ rules: [{ path: '/**/*.key', hide: true }, { path: '/private/**', deny: true }] }));
  for (const option of ['watch=off', `policy=${policy}`]) {
    await treeMount(tree, [option], async (target) => {
      const { watches, watchedNodes } = await gauges(target);
      t.same({ watches, watchedNodes }, { watches: 0, watchedNodes: 0 }, option);
      other('echo afterwards >file', tree);
      await untilSeen(t, 'a change', () => readFileSync(join(target, 'file'), 'utf8') === 'afterwards\n');
      other('printf one >file', tree);
    });
  }
});

t.test('a policy that is about names alone', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'tree-names');
  const tree = treeIn(directory);
  other('mkdir sub; echo one >sub/file; echo two >sub/two.key', tree);
  const policy = join(directory, 'policy.json');
  writeFileSync(policy, JSON.stringify({ rules: [{ path: '/**/*.key', hide: true }, { path: '/**', audit: true }] }));
  await treeMount(tree, [`policy=${policy}`], async (target) => {
    const seen = (name: string): string => codeOf(() => statSync(join(target, name)));
    await untilQuiet(target, () => {
      t.equal(seen('sub/file'), 'ok');
      t.equal(seen('sub/two.key'), 'ENOENT');
      t.equal(seen('sub/two'), 'ENOENT');
    });
    t.ok((await gauges(target))['watches'], 'it is watched');
    other('mv sub/file sub/file.key; mv sub/two.key sub/two', tree);
    await untilSeen(t, 'a name that is to be hidden now', () => seen('sub/file') === 'ENOENT' && seen('sub/file.key') === 'ENOENT');
    await untilSeen(t, 'one that is not any more', () => seen('sub/two') === 'ok');
    other('mv sub moved', tree);
    await untilSeen(t, 'a directory that was moved', () => seen('sub/two') === 'ENOENT' && seen('moved/two') === 'ok' && seen('moved/file.key') === 'ENOENT');
  });
});

t.test('what the mount does is seen at once in a tree that is watched', { skip }, async (t) => {
  const tree = treeIn(scratchDirectory(t, 'tree-own'));
  mkdirSync(join(tree, 'sub'));
  writeFileSync(join(tree, 'sub/file'), 'one');
  await treeMount(tree, [], async (target) => {
    const file = join(target, 'sub', 'file');
    await untilQuiet(target, () => statSync(file));
    writeFileSync(file, 'three');
    t.equal(statSync(file).size, 5, 'a file that the kernel writes itself');
    other('printf underneath >file', join(tree, 'sub'));
    await untilSeen(t, 'what others write into it afterwards', () => statSync(file).size === 10);
    other('chmod u+s file', join(tree, 'sub'));
    await untilSeen(t, 'a set-id bit', () => (statSync(file).mode & 0o4000) !== 0);
    other('chown 1 .; rm file', join(tree, 'sub'));
    await untilSeen(t, 'a removal', () => codeOf(() => statSync(file)) === 'ENOENT');
  });
});
