/** What a policy hides, denies, and shows otherwise, through the mount; and what is said of one that is wrong. */
import { chmodSync, chownSync, existsSync, linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import t, { type Test } from 'tap';
import { Policy } from '../../server/passthrough/policy.js';
import { attempt } from '../support/command.js';
import { cannotMount } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { logOf } from '../support/server.js';
import { codeOf, treeIn, treeMount } from '../support/tree-mount.js';

const skip = cannotMount();

/** A tree with these files, mounted under these rules. */
async function withPolicy(t: Test, files: readonly string[], rules: readonly object[], use: (target: string, tree: string) => void): Promise<void> {
  const directory = scratchDirectory(t, 'policy');
  const tree = treeIn(directory);
  for (const path of files) {
    mkdirSync(join(tree, path, '..'), { recursive: true });
    writeFileSync(join(tree, path), path);
  }
  const policy = join(directory, 'policy.json');
  writeFileSync(policy, JSON.stringify({ rules }));
  await treeMount(tree, [`policy=${policy}`], (target) => Promise.resolve(use(target, tree)));
}

const read = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8');
t.test('hidden', { skip }, (t) =>
  withPolicy(t, ['open/file', 'open/key.pem', 'secret/file', 'deep/a/b/key.pem'], [{ path: '/secret', hide: true }, { path: '/**/*.pem', hide: true }], (target) => {
    t.strictSame(readdirSync(target).sort(), ['deep', 'open']);
    t.strictSame(readdirSync(join(target, 'open')), ['file']);
    for (const name of ['secret', 'secret/file', 'open/key.pem', 'deep/a/b/key.pem']) t.equal(codeOf(() => statSync(join(target, name))), 'ENOENT', name);
    t.equal(codeOf(() => rmSync(join(target, 'open/key.pem'))), 'ENOENT', 'nor can it be removed');
    t.equal(codeOf(() => mkdirSync(join(target, 'secret'))), 'EACCES', 'nor made');
    t.equal(codeOf(() => writeFileSync(join(target, 'open', 'other.pem'), '')), 'EACCES');
    t.equal(codeOf(() => renameSync(join(target, 'open', 'file'), join(target, 'open', 'key.pem'))), 'EACCES', 'nor replaced');
    t.equal(read(target, 'open/file'), 'open/file');
  }));

t.test('denied', { skip }, (t) =>
  withPolicy(t, ['private/file', 'open/file'], [{ path: '/private/**', deny: true }, { path: '/open/file', deny: true }], (target) => {
    t.strictSame(readdirSync(target).sort(), ['open', 'private'], 'it is seen');
    for (const act of [
      () => readdirSync(join(target, 'private')),
      () => read(target, 'private/file'),
      () => read(target, 'open/file'),
      () => writeFileSync(join(target, 'open/file'), ''),
      () => chmodSync(join(target, 'open/file'), 0o777),
      () => rmSync(join(target, 'open/file')),
      () => renameSync(join(target, 'open/file'), join(target, 'open/other')),
      () => linkSync(join(target, 'open/file'), join(target, 'open/other')),
      () => writeFileSync(join(target, 'private/new'), ''),
    ]) t.equal(codeOf(act), 'EACCES', String(act));
    t.equal(statSync(join(target, 'open/file')).size, 9);
  }));

t.test('read-only', { skip }, (t) =>
  withPolicy(t, ['docs/sub/file', 'work/file'], [{ path: '/docs/**', readOnly: true }], (target, tree) => {
    const [file, directory] = [join(target, 'docs/sub/file'), join(target, 'docs')];
    for (const act of [
      () => writeFileSync(file, ''),
      () => chmodSync(file, 0o600),
      () => chownSync(file, 1, 1),
      () => rmSync(file),
      () => mkdirSync(join(directory, 'new')),
      () => renameSync(file, join(target, 'work/moved')),
      () => renameSync(join(target, 'work/file'), join(directory, 'moved')),
      () => linkSync(file, join(target, 'work/link')),
      () => renameSync(directory, join(target, 'elsewhere')),
    ]) t.equal(codeOf(act), 'EROFS', String(act));
    t.equal(read(file), 'docs/sub/file');
    writeFileSync(join(target, 'work/file'), 'changed');
    t.equal(read(tree, 'work/file'), 'changed', 'elsewhere all is as usual');
  }));

t.test('a second name is no way around', { skip }, async (t) => {
  const rules = [{ path: '/docs/**', readOnly: true }];
  await withPolicy(t, ['docs/file', 'work/other'], rules, (target, tree) => {
    linkSync(join(tree, 'docs/file'), join(tree, 'work/link'));
    t.equal(read(target, 'docs/file'), 'docs/file');
    t.equal(codeOf(() => writeFileSync(join(target, 'work/link'), 'x')), 'EROFS', 'once the first was seen');
  });
  const below = [{ path: '/area/secret/**', hide: true }, { path: '/*/vault', deny: true }];
  await withPolicy(t, ['area/secret/file', 'area/vault', 'area/open', 'free/file'], below, (target) => {
    t.equal(codeOf(() => renameSync(join(target, 'area'), join(target, 'other'))), 'EXDEV', 'nor is another name of a directory above');
    t.equal(codeOf(() => renameSync(join(target, 'free'), join(target, 'area', 'free'))), 'EXDEV');
    t.equal(codeOf(() => renameSync(join(target, 'area', 'open'), join(target, 'free', 'open'))), 'ok', 'a file moves between places that are alike');
  });
});

t.test('not to be executed', { skip }, (t) =>
  withPolicy(t, ['uploads/tool', 'bin/tool'], [{ path: '/uploads/**', noExec: true }], (target, tree) => {
    for (const name of ['uploads/tool', 'bin/tool']) {
      writeFileSync(join(tree, name), '#!/bin/sh\necho ran\n');
      chmodSync(join(tree, name), 0o755);
    }
    const ran = (name: string): string => spawnSync(join(target, name), { encoding: 'utf8' }).stdout ?? 'not';
    t.equal(ran('bin/tool'), 'ran\n');
    t.equal(ran('uploads/tool'), 'not');
    t.equal(statSync(join(target, 'uploads/tool')).mode & 0o777, 0o644);
    t.equal(codeOf(() => chmodSync(join(target, 'uploads/tool'), 0o755)), 'EPERM');
    t.equal(codeOf(() => renameSync(join(target, 'uploads/tool'), join(target, 'bin/other'))), 'EXDEV', 'it would be executable there');
    chmodSync(join(target, 'uploads/tool'), 0o600);
    t.equal(statSync(join(tree, 'uploads/tool')).mode & 0o777, 0o711, 'what is not shown is not lost');
  }));

t.test('owners are shifted both ways', { skip }, (t) =>
  withPolicy(t, ['shared/file', 'own'], [{ path: '/shared/**', uidShift: 100_000, gidShift: 200_000 }], (target, tree) => {
    const { uid, gid } = statSync(join(target, 'shared/file'));
    t.strictSame([uid, gid], [100_000, 200_000]);
    chownSync(join(target, 'shared/file'), 101_000, 201_000);
    const real = statSync(join(tree, 'shared/file'));
    t.strictSame([real.uid, real.gid], [1000, 1000]);
    t.equal(codeOf(() => chownSync(join(target, 'shared/file'), 5, 5)), 'EPERM', 'who is below the range has no number there');
    t.equal(codeOf(() => writeFileSync(join(target, 'shared/new'), '')), 'EPERM', 'and can own nothing');
    t.equal(existsSync(join(tree, 'shared/new')), false);
    t.equal(statSync(join(target, 'own')).uid, 0);
  }));

t.test('audited', { skip }, (t) =>
  withPolicy(t, ['watched/file', 'other'], [{ path: '/watched/**', audit: true }, { path: '/watched/denied', deny: true }], (target, tree) => {
    writeFileSync(join(tree, 'watched/denied'), '');
    read(target, 'watched/file');
    read(target, 'other');
    codeOf(() => read(target, 'watched/denied'));
    writeFileSync(join(target, 'watched', 'new\nline'), '');
    rmSync(join(target, 'watched/file'));
    const lines = logOf(target).split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { audit: string; path: string; uid: number; pid: number; errno: number });
    t.strictSame(lines.map(({ audit, path, errno }) => `${audit} ${JSON.stringify(path)} ${errno}`), [
      'open "/watched/file" 0',
      'open "/watched/denied" 13',
      'create "/watched/new\\nline" 0',
      'remove "/watched/file" 0',
    ]);
    t.ok(lines.every(({ uid, pid }) => uid === 0 && pid === process.pid), 'with who it was');
  }));

const WRONG: readonly (readonly [name: string, text: string, says: RegExp])[] = [
  ['not JSON', '{', /policy .*policy\.json is not JSON: /u],
  ['another shape', '[]', /policy\.json: the whole: .*expected object/u],
  ['an unknown word', '{"rules":[{"path":"/a","hidden":true}]}', /policy\.json: rules\[0\]: .*hidden/u],
  ['an unknown word beside', '{"rules":[],"version":1}', /policy\.json: the whole: .*version/u],
  ['no path', '{"rules":[{"path":"/a","hide":true},{"hide":true}]}', /policy\.json: rules\[1\]\.path: /u],
  ['a path from nowhere', '{"rules":[{"path":"a","hide":true}]}', /rules\[0\]\.path: must begin with "\/"/u],
  ['a path that leaves', '{"rules":[{"path":"/a/../b","hide":true}]}', /rules\[0\]\.path: must not contain/u],
  ['half a name as **', '{"rules":[{"path":"/a**","hide":true}]}', /rules\[0\]\.path: "\*\*" stands for whole names/u],
  ['no effect', '{"rules":[{"path":"/a"}]}', /rules\[0\]: has no effect/u],
  ['an effect of another type', '{"rules":[{"path":"/a","hide":"yes"}]}', /rules\[0\]\.hide: .*boolean/u],
  ['a shift that is none', '{"rules":[{"path":"/a","uidShift":0.5}]}', /rules\[0\]\.uidShift: /u],
];

t.test('what is said of a policy that is wrong', (t) => {
  for (const [name, text, says] of WRONG) t.throws(() => Policy.parse(text, '/etc/policy.json'), { code: 'BAD_OPTION', message: says }, name);
  t.end();
});

t.test('a mount that is refused', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'policy-wrong');
  const [tree, target, policy] = [treeIn(directory), treeIn(directory, 'mnt'), join(directory, 'policy.json')];
  const refused = async (options: string, type = 'passthrough', source = tree): Promise<string> => {
    const { status, stderr } = await attempt(process.execPath, [fuse4fs, '-t', type, source, target, '-o', options]);
    t.not(status, 0);
    return stderr;
  };
  writeFileSync(policy, '{"rules":[{"path":"/a","hide":true},{"path":"b","hide":true}]}');
  t.match(await refused(`policy=${policy}`), /policy \S+\/policy\.json: rules\[1\]\.path: must begin with/u, 'with file and field');
  t.match(await refused(`policy=${join(directory, 'none.json')}`), /none\.json/u, 'one that is not there');
  t.match(await refused(`policy=${tree}`), /is not a file/u, 'a directory');
  t.match(await refused('data=journal'), /option "data=journal" is not for directory trees/u);
  t.match(await refused('offset=1M'), /option 'offset' is not for directory trees/u);
  t.match(await refused('ro', 'passthrough', policy), /is a file, not a directory/u);
  t.match(await refused(`policy=${policy}`, 'fuse4fs', policy), /'policy' is for directory trees/u);
});
