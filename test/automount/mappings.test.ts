/**
 * Mappings (LUKS, LVM) and RAIDs that appear are judged by what they lie on, and go with it. A loop device stands in for
 * the mapping, in a sysfs of the test's own; plugged.test.ts has a real one, where the test kernel runs.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { blockDevice, foundationsOf } from '../../helper/automount/sysfs.js';
import { AutomountBench, mountsIn, type Stick } from '../support/automount.js';
import { ALICE, BOB, TestBroker } from '../support/broker.js';
import { cannotMount } from '../support/machine.js';
import { released } from '../support/released.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = cannotMount();

const STICK = { removable: '1', bus: 'usb' } as const;
const INTERNAL = { removable: '0', bus: 'ata' } as const;
/** Of the mapping itself, which has no bus. */
const MAPPED = { ID_BUS: '', DM_NAME: 'luks-one', ID_FS_LABEL_ENC: 'private' } as const;

/** A disk with a partition. */
function disk(bench: AutomountBench, name: string, { removable, bus }: typeof STICK | typeof INTERNAL): string {
  bench.sysfs(`pci/${name}`, { removable });
  bench.sysfs(`pci/${name}/${name}1`, { partition: '1' });
  for (const each of [name, `${name}1`]) bench.udev(each, { ID_BUS: bus });
  return `${name}1`;
}

const below = (names: readonly string[]): Readonly<Record<string, string>> => Object.fromEntries(names.map((name) => [`slaves/${name}`, '']));

/** The loop device is a mapping from now on. */
function asMapping(bench: AutomountBench, { name }: Stick, foundations: readonly string[]): void {
  const real = (attribute: string): string => readFileSync(join('/sys/class/block', name, attribute), 'utf8');
  bench.sysfs(`virtual/block/${name}`, { dev: real('dev'), size: real('size'), removable: '0', 'dm/name': 'luks-one\n', ...below(foundations) });
}

const benchFor = (t: Test): AutomountBench => new AutomountBench(t, scratchDirectory(t, 'mappings'));

t.test('on a stick', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t);
  asMapping(bench, stick, [disk(bench, 'sdq', STICK)]);
  await released(stick.node);
  const { stderr } = await bench.appear(stick, MAPPED);
  t.match(bench.record(stick), { state: 'mounted', target: join(bench.systemRoot, 'private'), foundations: ['sdq1'] }, stderr);
  t.match((await bench.disappear(stick)).stderr, /unmounted from/u, 'stopped, it is unmounted');

  bench.policy({ rules: [{ match: { mapping: ['other', 'luks-*'], bus: 'usb', removable: true }, ignore: true }] });
  t.match((await bench.appear(stick, MAPPED)).stderr, /left alone: the policy says so: rules\[0\]/u, 'a rule knows its name, and what it lies on');
  for (const match of [{ mapping: 'luks' }, { bus: 'ata' }, { removable: false }]) {
    bench.policy({ rules: [{ match, ignore: true }] });
    t.equal((await bench.appear(stick, MAPPED)).status, 0);
    t.match(bench.record(stick), { state: 'mounted' }, `${JSON.stringify(match)} is about others`);
    await bench.disappear(stick);
    await released(stick.node);
  }
});

t.test('on what is not to be plugged in', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t);
  asMapping(bench, stick, [disk(bench, 'sdq', INTERNAL), disk(bench, 'sdr', STICK)]);
  t.match((await bench.appear(stick, MAPPED)).stderr, /left alone: it is not removable/u, 'one of two disks is');
  bench.policy({ rules: [{ match: { bus: ['usb', 'ata'] }, ignore: true }, { match: { removable: true }, ignore: true }] });
  t.match((await bench.appear(stick, MAPPED)).stderr, /left alone: it is not removable/u, 'two buses are none');
  for (const state of [{ DM_SUSPENDED: '1' }, { DM_UDEV_DISABLE_OTHER_RULES_FLAG: '1' }]) {
    t.match((await bench.appear(stick, { ...MAPPED, FUSE4FS_AUTOMOUNT: '1', ...state })).stderr, /left alone: it is a mapping that is being changed, or a part of another one/u);
  }
  t.same(mountsIn(bench.directory), []);
  await released(stick.node);
  t.equal((await bench.appear(stick, { ...MAPPED, FUSE4FS_AUTOMOUNT: '1' })).status, 0);
  t.match(bench.record(stick), { state: 'mounted', foundations: ['sdq1', 'sdr1'] }, 'a rule of udev can say otherwise');
});

t.test('under the name that the kernel gives', { skip }, async (t) => {
  const bench = benchFor(t);
  bench.sysfs('virtual/block/dm-7', { dev: '253:7', size: '16384', 'dm/name': 'vg-home', ...below([disk(bench, 'sdq', INTERNAL)]) });
  t.match((await bench.appear({ name: 'dm-7' }, MAPPED)).stderr, /^\S*dm-7: left alone: it is not removable/mu);
  t.match(bench.record({ name: 'dm-7' }), { state: 'ignored', node: '/dev/dm-7' });
  t.equal((await bench.disappear({ name: 'dm-7' })).status, 0);
  t.equal(bench.record({ name: 'dm-7' }), undefined);
  for (const name of ['dm-', 'dm-7/..', 'dm-x', 'x-7']) t.equal((await bench.disappear({ name })).status, 1, name);
});

t.test('its disk is pulled out', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t);
  asMapping(bench, stick, [disk(bench, 'sdq', STICK)]);
  await released(stick.node);
  await bench.appear(stick, MAPPED);
  t.match(bench.record(stick), { state: 'mounted' });
  rmSync(join(bench.devices, 'sdq1'));
  t.match((await bench.disappear(stick)).stderr, /pulled out while mounted on .*private: unmounted/u, 'the mapping is there still');
  t.same(mountsIn(bench.directory), []);
  await released(stick.node);
});

t.test('what a mapping lies on', async (t) => {
  const bench = benchFor(t);
  const [first, second] = [disk(bench, 'sdq', STICK), disk(bench, 'sdr', INTERNAL)];
  const on = (name: string, foundations: readonly string[]): void => bench.sysfs(`virtual/block/${name}`, below(foundations));
  const found = (name: string): string[] => foundationsOf(blockDevice(name, bench.devices), bench.devices).map((each) => each.name);
  on('md127', [first, second]);
  bench.sysfs('virtual/block/md127/md127p1', { partition: '1' });
  on('dm-0', ['md127p1']);
  on('dm-1', ['dm-0', first]);
  t.same(found('dm-1'), ['sdq1', 'sdr1'], 'whatever lies between, a partition of a RAID too');
  t.same(found(first), ['sdq1'], 'what is no mapping lies on itself');
  on('dm-2', ['dm-3']);
  on('dm-3', ['dm-2']);
  t.throws(() => found('dm-2'), /lies on more devices than are looked at/u, 'a circle ends');
  on('dm-4', ['sdx1']);
  t.throws(() => found('dm-4'), /no block device sdx1/u, 'a disk that has gone');
  bench.sysfs('virtual/block/dm-5', Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`slaves/sdq${index}`, ''])));
  t.throws(() => found('dm-5'), { code: /SOURCE/u });
});

t.test('its user unmounts it, and ejects its disk and not the mapping', { skip }, async (t) => {
  const broker = await TestBroker.start(t, (directory) => ['--devices', join(directory, 'sys', 'class', 'block')]);
  const bench = new AutomountBench(t, broker.directory, broker.mounts);
  bench.active(ALICE);
  const stick = await bench.stick(t, ['-E', `root_owner=${ALICE}:${ALICE}`]);
  asMapping(bench, stick, [disk(bench, 'sdq', STICK)]);
  await released(stick.node);
  await bench.appear(stick, MAPPED);
  const target = String(bench.record(stick)?.['target']);
  t.equal(target, join(bench.userRoot, String(ALICE), 'private'));
  t.equal((await broker.fuse4fs(BOB, 'umount', target)).status, 1, 'others cannot');
  const ejected = await broker.fuse4fs(ALICE, 'eject', target, '--power-off');
  t.equal(ejected.status, 32);
  t.match(ejected.stderr, /is a mapping, and has nothing to eject/u);
  t.same(mountsIn(bench.userRoot), [], 'it is unmounted');
  t.match((await bench.disappear(stick)).stderr, /not mounted any more/u);
});

t.test('with systemd, its service ends with its disk', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t);
  asMapping(bench, stick, [disk(bench, 'sdq', STICK), disk(bench, 'sdr', STICK)]);
  mkdirSync(bench.units);
  await released(stick.node);
  const { status, stderr } = await bench.appear(stick, MAPPED);
  t.equal(status, 0);
  t.match(bench.record(stick), { state: 'mounted' }, stderr);
  const settings = readdirSync(bench.units);
  // Only where systemd is asked to read it.
  if (settings.length === 0) t.match(stderr, /it will not be noticed when sdq1 or sdr1 goes/u);
  else t.match(readFileSync(join(bench.units, settings[0] ?? '', 'foundations.conf'), 'utf8'), /^BindsTo=dev-sdq1\.device dev-sdr1\.device$/mu);
  t.equal((await bench.disappear(stick)).status, 0);
  t.same(readdirSync(bench.units), []);
});
