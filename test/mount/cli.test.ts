/** The commands as a user types them, against the real server. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { installedFile } from '../../helper/mount/server-root.js';
import { unmount } from '../../helper/mount/unmount.js';
import { mountsImpossible } from '../support/bare-mount.js';
import { processesWith, run, Workbench } from '../support/helper-workbench.js';
import { missing } from '../support/machine.js';
import { inNamespaceWith, inOwnMountNamespace } from '../support/namespace.js';
import { serverOf, statusOf } from '../support/server.js';

t.setTimeout(240_000);
const skip = mountsImpossible;

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const script = (name: string): string => installedFile('dist/cli', `${name}.cjs`);

function cli(name: string, ...parameters: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script(name), ...parameters], { encoding: 'utf8' });
  return { status, stdout, stderr };
}
const fuse4fs = (...parameters: string[]): Outcome => cli('fuse4fs', ...parameters);

/** An ext4 image with one file. */
function ext4Image(bench: Workbench): string {
  const image = bench.image('disk.img', 16 << 20);
  mkdirSync(join(bench.directory, 'content'));
  writeFileSync(join(bench.directory, 'content', 'file'), 'hello');
  run('mke2fs', '-qF', '-t', 'ext4', '-L', 'cli-test', '-d', join(bench.directory, 'content'), image);
  return image;
}

function workbench(t: { teardown(act: () => void): void }): Workbench {
  const bench = new Workbench();
  t.teardown(() => bench.clear());
  return bench;
}

/** In milliseconds, for what comes as soon as the machine gets to it. */
const PATIENCE = 60_000;

/** Whether it becomes true in time. */
async function within(milliseconds: number, isTrue: () => boolean): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (!isTrue()) {
    if (performance.now() > deadline) return false;
    await pause(20);
  }
  return true;
}

/** Resolves when the program has written something that matches. */
async function saying(child: ChildProcess, what: RegExp): Promise<void> {
  let said = '';
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  await Promise.race([
    new Promise<void>((resolve) => {
      for (const stream of streams) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (what.test(said)) resolve();
        });
      }
    }),
    once(child, 'exit').then(() => {
      if (!what.test(said)) throw new Error(`ended, and said only: ${said}`);
    }),
  ]);
}

t.test('--help and --version', async (t) => {
  const { version } = JSON.parse(readFileSync(installedFile('package.json'), 'utf8')) as { version: string };
  for (const name of ['fuse4fs', 'mount.fuse4fs', 'umount.fuse4fs']) {
    t.same(cli(name, '--version'), { status: 0, stdout: `${version}\n`, stderr: '' }, name);
    t.match(cli(name, '--help'), { status: 0, stdout: /^Usage: /, stderr: '' }, name);
  }
  for (const command of ['mount', 'umount', 'status', 'inspect']) {
    t.match(fuse4fs(command, '--help'), { status: 0, stdout: new RegExp(`^Usage: fuse4fs ${command}`), stderr: '' }, command);
  }
  const { stdout } = fuse4fs('mount', '--help');
  for (const part of ['errors=continue|remount-ro|panic', 'offset=BYTES', 'nosuid', 'Examples:', 'Exit status:']) t.ok(stdout.includes(part), part);
  t.same(stdout.split('\n').filter((line) => line.length > 100), [], 'fits on a terminal');
});

t.test('wrong usage is one sentence and a hint, with exit status 1', async (t) => {
  const cases: [string, string[], RegExp][] = [
    ['fuse4fs', [], /missing required argument 'SOURCE'/],
    ['fuse4fs', ['source'], /missing required argument 'TARGET'/],
    ['fuse4fs', ['a', 'b', 'c'], /too many arguments/],
    ['fuse4fs', ['a', 'b', '--bogus'], /unknown option '--bogus'/],
    ['fuse4fs', ['a', 'b', '-o'], /argument missing/],
    ['fuse4fs', ['a', 'b', '-o', 'bogus,ro,strange=1'], /unknown options 'bogus', 'strange=1'/],
    ['fuse4fs', ['a', 'b', '-o', 'offset=x'], /bad value 'x' for option 'offset'/],
    ['fuse4fs', ['umount'], /missing required argument 'TARGET'/],
    ['mount.fuse4fs', [], /missing required argument 'SOURCE'/],
    ['mount.fuse4fs', ['a', 'b', '-x'], /unknown option '-x'/],
    ['mount.fuse4fs', ['a', 'b', '-o', 'fd=3'], /unknown option 'fd=3'/],
    ['umount.fuse4fs', [], /missing required argument 'TARGET'/],
  ];
  for (const [name, parameters, sentence] of cases) {
    const { status, stdout, stderr } = cli(name, ...parameters);
    const command = `${name} ${parameters.join(' ')}`;
    t.equal(status, 1, command);
    t.equal(stdout, '', `${command}: nothing on standard output`);
    t.match(stderr, sentence, command);
    t.ok(stderr.startsWith(`${name}: `) && stderr.trim().split('\n').length <= 2, `${command}: ${stderr}`);
    t.notMatch(stderr, /\n\s+at |node:/, `${command}: no stack`);
  }
});

t.test('failures say what and where, in words and as JSON', async (t) => {
  const bench = workbench(t);
  const nothing = join(bench.directory, 'nothing');
  t.same(cli('mount.fuse4fs', nothing, bench.target, '-o', 'ro'), {
    status: 32, stdout: '', stderr: `mount.fuse4fs: ${bench.target}: special device ${nothing} does not exist.\n`,
  });
  const { status, stdout, stderr } = fuse4fs('--json', nothing, bench.target);
  t.same([status, stderr], [32, '']);
  t.same(JSON.parse(stdout), {
    error: { code: 'SOURCE_NOT_FOUND', message: `special device ${nothing} does not exist`, hint: '', exitStatus: 32 }, warnings: [],
  });
  t.match(JSON.parse(fuse4fs('mount', '--json', 'x').stdout), { error: { code: 'USAGE', exitStatus: 1 } });
  t.match(JSON.parse(fuse4fs('--json', 'umount', bench.target).stdout), { error: { code: 'NOT_MOUNTED', exitStatus: 32 } });
  t.match(cli('umount.fuse4fs', bench.target), { status: 32, stderr: `umount.fuse4fs: ${bench.target}: not mounted.\n` });
  t.match(fuse4fs('umount', '/proc'), { status: 32, stderr: /not a fuse4fs mount, but proc/ });
});

t.test('an image that is not ext4', { skip }, async (t) => {
  const bench = workbench(t);
  const result = fuse4fs('--json', bench.image(), bench.target);
  t.equal(result.status, 32);
  t.match(JSON.parse(result.stdout), { error: { code: 'NOT_EXT4', exitStatus: 32 } });
  t.equal(bench.mountEntry(), undefined);
});

t.test('mount, status, umount', { skip }, async (t) => {
  const bench = workbench(t);
  const image = ext4Image(bench);
  t.match(fuse4fs(image, bench.target, '-o', 'ro,nosuid'), { status: 0, stdout: '', stderr: '' });
  t.equal(readFileSync(join(bench.target, 'file'), 'utf8'), 'hello');
  t.match(bench.mountEntry(), { type: 'fuse.fuse4fs', source: image });

  const mine = await statusOf(bench.target);
  t.match(mine, { source: image, target: bench.target, readOnly: true, requests: { INIT: 1 } });
  t.match(readFileSync(`/proc/${mine.pid}/status`, 'utf8'), /^NSpid:\s+\d+\s+1$/m, 'the pid is that of the contained server');
  t.match(fuse4fs('status').stdout, new RegExp(`${image} on ${bench.target} type fuse.fuse4fs \\(ro,nosuid`));

  t.match(fuse4fs(image, bench.target), { status: 32, stderr: /already mounted on/ });
  const unmounted = fuse4fs('umount', '--json', bench.target);
  t.same(JSON.parse(unmounted.stdout), { result: { target: bench.target, source: image, serverEnded: true }, warnings: [] });
  t.equal(spawnSync('flock', ['--nonblock', image, 'true']).status, 0, 'the server has let go of the image by then');
  t.equal(bench.mountEntry(), undefined);
});

t.test('a mount that is being made keeps its status socket, although others clear leftovers away', { skip: skip || missing('strace') }, async (t) => {
  const bench = workbench(t);
  const image = ext4Image(bench);
  const { target } = bench;
  const slowly = ['-qq', '-o', join(bench.directory, 'trace'), '-e', 'trace=listen', '-e', 'inject=listen:delay_enter=1500000'];
  const mounting = spawn('strace', [...slowly, process.execPath, script('fuse4fs'), image, target], { stdio: 'inherit' });
  const ended = once(mounting, 'exit');
  while (mounting.exitCode === null) {
    t.equal(fuse4fs('status').status, 0, 'status beside it');
    await pause(0);
  }
  t.strictSame(await ended, [0, null], 'mounted');
  t.match(readFileSync(join(bench.directory, 'trace'), 'utf8'), /^listen.*DELAYED/m, 'there was the moment in which its socket did not listen yet');
  t.type((await statusOf(target)).pid, 'number', 'its server can be asked');
  t.equal(fuse4fs('umount', target).status, 0, 'and unmounted');
});

t.test('a copy of the mount in a namespace that is left soon is waited for', { skip }, async (t) => {
  const bench = workbench(t);
  const image = ext4Image(bench);
  fuse4fs(image, bench.target);
  const holder = spawn(...inNamespaceWith(bench.target, 'sh', '-c', 'echo ready; read end'), { stdio: ['pipe', 'pipe', 'inherit'] });
  await saying(holder, /ready/);
  const unmounting = spawn(process.execPath, [script('fuse4fs'), 'umount', '--json', bench.target], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = saying(unmounting, /"serverEnded":true/);
  t.ok(await within(PATIENCE, () => bench.mountEntry() === undefined));
  holder.stdin.end('\n');
  await t.resolves(said);
  t.equal(spawnSync('flock', ['--nonblock', image, 'true']).status, 0, 'the server has let go of the image by then');
});

t.test('unmounting', { skip }, async (t) => {
  const bench = workbench(t);
  const image = ext4Image(bench);
  fuse4fs(image, bench.target, '-r');
  const busy = openSync(join(bench.target, 'file'), 'r');
  t.match(fuse4fs('umount', bench.target), { status: 32, stderr: /target is busy/ });
  t.match(cli('umount.fuse4fs', '-r', bench.target), { status: 0, stderr: /made read-only instead/ });
  t.match(fuse4fs('umount', '-l', bench.target), { status: 0, stderr: '' }, 'lazily');
  t.equal(bench.mountEntry(), undefined);
  closeSync(busy);

  t.equal(fuse4fs(image, bench.target, '-r').status, 0);
  t.match(fuse4fs('umount', image, '-v'), { status: 0, stdout: `${bench.target} unmounted.\n` }, 'by the name of the source');

  fuse4fs(image, bench.target, '-r');
  const second = join(bench.directory, 'second');
  mkdirSync(second);
  run('mount', '--bind', bench.target, second);
  t.match(fuse4fs('umount', bench.target), { status: 0, stderr: /still mounted elsewhere/ });
  t.match(fuse4fs('umount', second), { status: 0, stderr: '' });
});

t.test('somebody who only looks at a mount while it is unmounted', { skip }, async (t) => {
  const bench = workbench(t);
  fuse4fs(ext4Image(bench), bench.target, '-r');
  const looking = spawn('sh', ['-c', 'exec 3<"$0"; echo looking; sleep 0.05', bench.target], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(looking.stdout, 'data');
  t.match(unmount({ target: bench.target }), { serverEnded: true, warnings: [] });
});

t.test('a server that was killed is reported, and its mount can be removed', { skip }, async (t) => {
  const bench = workbench(t);
  const image = ext4Image(bench);
  fuse4fs(image, bench.target, '-r');
  const pid = await serverOf(bench.target);
  process.kill(pid, 'SIGKILL');
  t.ok(await within(PATIENCE, () => !existsSync(`/proc/${pid}`)));
  t.match(fuse4fs('status').stdout, new RegExp(`${image} on ${bench.target} .*\n  its server has died`));
  t.match(fuse4fs('umount', bench.target), { status: 32, stderr: /is unmounted, but the server of .* died.*\n.*e2fsck/ });
  t.equal(bench.mountEntry(), undefined);
  t.equal(fuse4fs(image, bench.target, '-r').status, 0, 'and be mounted again at once');
  fuse4fs('umount', bench.target);
});

t.test('in the foreground', { skip }, async (t) => {
  const bench = workbench(t);
  const image = ext4Image(bench);
  const start = () => spawn(process.execPath, [script('fuse4fs'), '-fv', image, bench.target, '-o', 'ro'], { stdio: ['ignore', 'pipe', 'pipe'] });

  const first = start();
  await saying(first, /mounted on/);
  first.kill('SIGINT');
  t.same(await once(first, 'exit'), [0, null], 'SIGINT unmounts');
  t.equal(bench.mountEntry(), undefined);

  const second = start();
  await saying(second, /mounted on/);
  const busy = openSync(join(bench.target, 'file'), 'r');
  const complaint = saying(second, /busy[^]*interrupt again/);
  second.kill('SIGINT');
  await complaint;
  t.ok(bench.mountEntry(), 'what is in use stays');
  second.kill('SIGINT');
  closeSync(busy);
  t.same(await once(second, 'exit'), [0, null], 'until asked twice');
  t.equal(bench.mountEntry(), undefined);

  const third = start();
  await saying(third, /mounted on/);
  run('umount', bench.target);
  t.same(await once(third, 'exit'), [0, null], 'it ends with the mount');

  const fourth = start();
  await saying(fourth, /mounted on/);
  fourth.kill('SIGKILL');
  await once(fourth, 'exit');
  t.equal(readFileSync(join(bench.target, 'file'), 'utf8'), 'hello', 'a mount survives its helper');
  t.equal(fuse4fs('umount', bench.target).status, 0);
});

t.test('interrupted before it is mounted: exit status 8, and nothing stays', { skip }, async (t) => {
  const bench = workbench(t);
  const image = bench.image();
  for (const [step, signal] of [['hello', 'SIGINT'], ['mounted', 'SIGTERM'], ['mounted', 'SIGKILL']] as const) {
    const mark = randomUUID();
    const parameters = [installedFile('dist/test/support/stalled-mount.js'), image, bench.target, bench.mounts, step, mark];
    const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
    await saying(child, /stalling/);
    const server = processesWith(mark).filter((pid) => pid !== child.pid);
    t.ok(server.length > 0);
    child.kill(signal);
    t.same(await once(child, 'exit'), signal === 'SIGKILL' ? [null, signal] : [8, null], `${signal} at ${step}`);
    t.equal(bench.mountEntry(), undefined, 'no mount');
    t.ok(await within(PATIENCE, () => processesWith(mark).length === 0), 'no process: the launcher sees us gone, and ends the server');
    if (signal !== 'SIGKILL') t.same(bench.leftovers(), [], 'no socket');
  }
});

t.test('mount.fuse4fs keeps to the contract of mount(8)', { skip }, async (t) => {
  const bench = workbench(t);
  const image = ext4Image(bench);
  t.match(cli('mount.fuse4fs', image, bench.target, '-sfnv', '-o', 'ro,bogus', '-t', 'fuse4fs'), { status: 0, stderr: '' }, '-f pretends, -s is sloppy');
  t.equal(bench.mountEntry(), undefined);
  t.match(cli('mount.fuse4fs', '-o', 'nodev', '-rn', image, bench.target, '-o', 'noatime'), { status: 0, stdout: '', stderr: '' });
  t.match(bench.mountEntry()?.options, ['ro', 'nodev', 'noatime']);
  bench.unmount();

  const holder = spawn(...inOwnMountNamespace('sh', '-c', 'echo ready; read end'), { stdio: ['pipe', 'pipe', 'inherit'] });
  await saying(holder, /ready/);
  t.match(cli('mount.fuse4fs', image, bench.target, '-r', '-N', String(holder.pid)), { status: 0, stderr: '' }, '-N mounts in another namespace');
  t.equal(bench.mountEntry(), undefined);
  t.match(readFileSync(`/proc/${holder.pid}/mountinfo`, 'utf8'), `${bench.target} ro`);
  t.match(cli('umount.fuse4fs', bench.target, '-v', '-N', `/proc/${holder.pid}/ns/mnt`), { status: 0, stdout: /unmounted/ });
  holder.stdin.end('\n');
  await once(holder, 'exit');
});
