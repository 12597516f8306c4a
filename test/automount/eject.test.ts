/** Devices that were mounted as they were plugged in are ejected by the user whose they are, and by nobody else but root. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { AutomountBench, mountsIn, type Stick } from '../support/automount.js';
import { ALICE, asUser, BOB, TestBroker } from '../support/broker.js';
import { attempt, run } from '../support/command.js';
import { e2fsckComplaints } from '../support/image.js';
import { attachLoop } from '../support/loop-mount.js';
import { cannotMount } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { released } from '../support/released.js';
import { scratchDirectory } from '../support/scratch.js';
import { until } from '../support/until.js';

const skip = cannotMount();

const devicesOf = (image: string): string => spawnSync('losetup', ['--associated', image, '--noheadings', '--output', 'NAME'], { encoding: 'utf8' }).stdout.trim();

/** One that can lose its file: whatever has its number afterwards is somebody else's. */
async function stickIn(t: Test, bench: AutomountBench, owner: number): Promise<Stick> {
  const image = join(bench.directory, 'stick.img');
  await run('truncate', ['-s', '8M', image]);
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', `root_owner=${owner}:${owner}`, image]);
  const node = attachLoop(image);
  t.teardown(async () => {
    for (const { target } of mountsIn(bench.directory)) await attempt('umount', ['-l', target]);
    if (devicesOf(image) !== '') spawnSync('losetup', ['--detach', node]);
  });
  return { image, name: basename(node), node };
}

interface MountedStick {
  readonly broker: TestBroker;
  readonly bench: AutomountBench;
  readonly stick: Stick;
  readonly target: string;
}

/** Of a user who sits before the machine, with a file of hers. */
async function mountedStick(t: Test): Promise<MountedStick> {
  const broker = await TestBroker.start(t);
  const bench = new AutomountBench(t, broker.directory, broker.mounts);
  bench.active(ALICE);
  const stick = await stickIn(t, bench, ALICE);
  await released(stick.node);
  t.equal((await bench.appear(stick, { ID_FS_LABEL_ENC: 'stick' })).status, 0);
  const target = String(bench.record(stick)?.['target']);
  await broker.mustRun(ALICE, 'sh', '-c', 'echo kept >"$0/file"', target);
  return { broker, bench, stick, target };
}

const untilDetached = (image: string): Promise<true> => until('the device has no file any more', () => devicesOf(image) === '' || undefined);

t.test('by its user, and not by others', { skip }, async (t) => {
  const { broker, bench, stick, target } = await mountedStick(t);

  for (const what of [target, stick.node]) {
    const refused = await broker.fuse4fs(BOB, 'eject', what);
    t.equal(refused.status, 1, refused.stderr);
    t.equal(mountsIn(bench.userRoot).length, 1, 'nothing has happened');
  }
  const busy = spawnSync('setpriv', [...asUser(ALICE), 'env', `FUSE4FS_HELPER=${broker.socket}`, process.execPath, fuse4fs, 'eject', target], { cwd: target, encoding: 'utf8' });
  t.match(busy.stderr, /busy/u, 'not while it is in use');
  t.equal(mountsIn(bench.userRoot).length, 1);

  t.equal((await broker.fuse4fs(ALICE, 'umount', target)).status, 0);
  await released(stick.node);
  const foreign = await broker.fuse4fs(BOB, 'eject', stick.node, '--json');
  t.equal(foreign.status, 1);
  t.match(foreign.stdout.toString(), /was mounted for another user/u);

  const elsewhere = join(bench.directory, 'elsewhere');
  mkdirSync(elsewhere);
  await run('mount', ['-t', 'ext4', stick.node, elsewhere]);
  const mountedAgain = await broker.fuse4fs(ALICE, 'eject', stick.node);
  t.equal(mountedAgain.status, 32);
  t.match(mountedAgain.stderr, /is in use/u, 'what somebody else has mounted');
  const names = { '../sticks': 'PROTOCOL', '..': 'PROTOCOL', 'a name': 'USAGE', nothing: 'PERMISSION', sda: 'PERMISSION' };
  const raw = await broker.raw(ALICE, Object.keys(names).map((name) => ({ name, message: { ejectRequest: { name } }, descriptors: 0 })));
  for (const [name, reason] of Object.entries(names)) t.match(raw.get(name), { type: 'refusal', reason }, `a device called ${name}`);
  t.not(devicesOf(stick.image), '');
  await run('umount', [elsewhere]);

  const ejected = await broker.fuse4fs(ALICE, 'eject', stick.node, '--json');
  t.equal(ejected.status, 0, ejected.stderr);
  t.match(JSON.parse(ejected.stdout.toString()), { result: { disk: stick.node, how: 'detached' } });
  await untilDetached(stick.image);
  t.equal(bench.record(stick)?.['state'], 'ejected');
  t.equal((await broker.fuse4fs(ALICE, 'eject', stick.node)).status, 1, 'once: then it is not hers any more');
  t.equal((await bench.disappear(stick, 'pulled out')).status, 0);
  t.equal(bench.record(stick), undefined);
  t.notOk(existsSync(target), 'the directory is gone');
  t.equal(await e2fsckComplaints(stick.image), undefined);
});

t.test('mounted, by its mount point; and what the monitor says', { skip }, async (t) => {
  const { broker, bench, stick, target } = await mountedStick(t);
  const ejected = await broker.fuse4fs(ALICE, 'eject', '-v', target);
  t.equal(ejected.status, 0, ejected.stderr);
  t.equal(ejected.stdout.toString(), `${stick.node} detached.\n`);
  t.strictSame(mountsIn(bench.userRoot), []);
  await untilDetached(stick.image);
  t.equal(await e2fsckComplaints(stick.image), undefined);
  t.match(spawnSync('debugfs', ['-R', 'cat /file', stick.image], { encoding: 'utf8' }).stdout, 'kept\n', 'everything is on it');
  const { stdout } = await attempt('timeout', ['5', 'sh', '-c', `"$0" "$1" monitor --json --records "$2" | grep -m1 ejected`, process.execPath, fuse4fs, bench.records]);
  t.match(JSON.parse(stdout.toString()), { event: 'ejected', source: stick.node });
});

t.test('by root, and what cannot be', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'eject');
  const bench = new AutomountBench(t, directory);
  const stick = await stickIn(t, bench, 0);
  await released(stick.node);
  const target = join(directory, 'mnt');
  mkdirSync(target);
  await run(process.execPath, [fuse4fs, stick.node, target]);
  writeFileSync(join(target, 'file'), 'kept');
  t.equal((await attempt(process.execPath, [fuse4fs, 'eject', target, '--records', bench.records])).status, 0);
  await untilDetached(stick.image);
  t.equal(await e2fsckComplaints(stick.image), undefined);

  await run(process.execPath, [fuse4fs, stick.image, target]);
  const image = await attempt(process.execPath, [fuse4fs, 'eject', target]);
  t.equal(image.status, 32);
  t.match(image.stderr, /is no device/u);
  t.equal(mountsIn(directory).length, 1, 'and stays mounted');
  await run(process.execPath, [fuse4fs, 'umount', target]);
  t.equal((await attempt(process.execPath, [fuse4fs, 'eject', directory])).status, 32, 'not mounted');
});
