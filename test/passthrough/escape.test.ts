/** Ways out of the tree: by what others do underneath while it is served, and by what a server could do that was taken over. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { projectRoot } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';
import { codeOf, treeIn, treeMount } from '../support/tree-mount.js';

const skip = cannotMount();
const ROUNDS = 1000;
/** ESTALE, for which Node has no name. */
const STALE = 'Unknown system error -116';

/** Exchanges two names with each other until its standard input ends, and says when it has begun. */
const EXCHANGER = `
import ctypes, os, select, sys
libc = ctypes.CDLL(None, use_errno=True)
one, other = (os.fsencode(name) for name in sys.argv[1:3])
print('begun', flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(100): libc.syscall(316 if os.uname().machine == 'x86_64' else 276, -100, one, -100, other, 2)
`;

t.test('a directory that becomes a symbolic link, and a directory again', { skip: skip || missing('python3') }, async (t) => {
  const directory = scratchDirectory(t, 'escape');
  const [tree, outside] = [treeIn(directory), treeIn(directory, 'outside')];
  mkdirSync(join(tree, 'sub'));
  writeFileSync(join(tree, 'sub', 'file'), 'inside');
  writeFileSync(join(outside, 'file'), 'outside');
  symlinkSync(outside, join(tree, 'link'));
  await treeMount(tree, [], async (target) => {
    const exchanger = spawn('python3', ['-c', EXCHANGER, join(tree, 'sub'), join(tree, 'link')], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(exchanger.stdout, 'data');
    const { dev } = statSync(target);
    const seen = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of ['sub', 'link']) {
        const what = whatIs(join(target, name, 'file'), dev);
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    }
    exchanger.stdin.end();
    await once(exchanger, 'close');
    t.comment([...seen].map(([what, count]) => `${what}: ${count}`).join(', '));
    t.notOk(seen.has('outside, through the mount'), 'whatever the server opens is inside');
  });
});

/** A link that the caller follows itself leads where it leads; what is of the mount must be of the tree. */
function whatIs(path: string, mount: number): string {
  try {
    const descriptor = openSync(path, 'r');
    try {
      return fstatSync(descriptor).dev === mount ? `${readFileSync(descriptor, 'utf8')}, through the mount` : 'elsewhere';
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

t.test('a directory that is open, and moved out', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'escape');
  const [tree, outside] = [treeIn(directory), treeIn(directory, 'outside')];
  mkdirSync(join(tree, 'moved'));
  writeFileSync(join(tree, 'moved', 'known'), 'known');
  await treeMount(tree, [], (target) => {
    writeFileSync(join(target, 'own'), 'own');
    const opened = openSync(join(target, 'moved'), 'r');
    const held = `/proc/self/fd/${opened}`;
    renameSync(join(tree, 'moved'), join(outside, 'moved'));
    writeFileSync(join(outside, 'moved', 'secret'), 'outside');
    t.equal(codeOf(() => readFileSync(join(held, 'secret'))), STALE, 'what is in it now is not read');
    t.equal(codeOf(() => writeFileSync(join(held, 'new'), '')), STALE, 'nothing is made in it');
    t.equal(codeOf(() => mkdirSync(join(held, 'new'))), STALE);
    t.equal(codeOf(() => renameSync(join(held, 'secret'), join(target, 'brought'))), STALE, 'nothing is brought back from it');
    t.equal(codeOf(() => linkSync(join(target, 'own'), join(held, 'own'))), STALE, 'nor away');
    t.equal(codeOf(() => readdirSync(held)), STALE);
    t.strictSame(readdirSync(outside), ['moved'], 'and nothing got beside it');
    t.strictSame(readdirSync(join(outside, 'moved')).sort(), ['known', 'secret']);
    closeSync(opened);
    return Promise.resolve();
  });
});

t.test('what is mounted below, before and afterwards', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'escape');
  const [tree, outside] = [treeIn(directory), treeIn(directory, 'outside')];
  for (const name of ['before', 'afterwards']) mkdirSync(join(tree, name));
  writeFileSync(join(outside, 'file'), 'outside');
  const bind = (name: string): void => void t.equal(spawnSync('mount', ['--bind', outside, join(tree, name)]).status, 0);
  try {
    bind('before');
    await treeMount(tree, [], (target) => {
      bind('afterwards');
      for (const name of ['before', 'afterwards']) t.strictSame(readdirSync(join(target, name)), [], name);
      return Promise.resolve();
    });
  } finally {
    for (const name of ['before', 'afterwards']) spawnSync('umount', ['-l', join(tree, name)]);
  }
});

t.test('a server that was taken over', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'escape');
  const [tree, outside] = [treeIn(directory), treeIn(directory, 'outside')];
  writeFileSync(join(tree, 'file'), 'inside');
  writeFileSync(join(outside, 'file'), 'outside');
  const module = (...path: string[]): string => JSON.stringify(join(projectRoot, 'dist', ...path));
  const program = `
    import { openSync, readFileSync, mkdirSync } from 'node:fs';
    import { spawnSync } from 'node:child_process';
    import { connect } from 'node:net';
    import { confine, confineServing, confineToTree } from ${module('server/confinement/confine.js')};
    import { shim } from ${module('helper/native/shim.js')};
    import { treeShim } from ${module('server/passthrough/tree-shim.js')};
    const place = (path) => openSync(path, 0o10000000);
    const [tree, outside] = [shim.cloneTree(place(${JSON.stringify(tree)}), 6, 0), place(${JSON.stringify(outside)})];
    const other = openSync(${JSON.stringify(join(outside, 'file'))}, 'r');
    const confinement = confine({}, true);
    confineToTree(confinement, tree);
    confineServing(confinement);
    const says = (what, act) => { try { console.log(what, act()); } catch (error) { console.log(what, error.code); } };
    const below = (directory, name, flags) => { const result = treeShim.openBelow(directory, Buffer.from(name + '\\0'), 0, flags, flags & 0o100 ? 0o644 : 0); return result < 0 ? result : 'opened'; };
    says('the tree', () => below(tree, 'file', 2));
    says('up', () => below(tree, '..', 0));
    says('up and down', () => below(tree, '../outside/file', 0));
    says('absolute', () => below(tree, '/etc/passwd', 0));
    says('another directory', () => below(outside, 'file', 0));
    says('a new file there', () => below(outside, 'new', 0o102));
    says('a directory there', () => treeShim.makeDirectory(outside, Buffer.from('new\\0'), 0, 0o755));
    says('removal there', () => treeShim.remove(outside, Buffer.from('file\\0'), 0, 0));
    says('a link from there', () => treeShim.link(other, tree, Buffer.from('link\\0'), 0));
    says('a file of another, for writing', () => treeShim.reopen(other, 2));
    says('by name', () => readFileSync('/etc/passwd'));
    says('a process', () => spawnSync('/bin/true').error.code);`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  t.strictSame(stdout.trim().split('\n'), [
    'the tree opened',
    'up -22',
    'up and down -22',
    'absolute -22',
    'another directory -13',
    'a new file there -13',
    'a directory there -13',
    'removal there -13',
    'a link from there -18',
    'a file of another, for writing -13',
    'by name EPERM',
    'a process EPERM',
  ]);
  t.strictSame(readdirSync(outside), ['file']);
  t.strictSame(readdirSync(tree), ['file']);
});
