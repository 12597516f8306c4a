/** Drives are switched off for the user whose they are, as long as nothing of them is in use. Loop devices stand in for their disks. */
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { AutomountBench, mountsIn, type Stick } from '../support/automount.js';
import { ALICE, BOB, TestBroker } from '../support/broker.js';
import { attempt, run } from '../support/command.js';
import { cannotMount } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { released } from '../support/released.js';

const skip = cannotMount();
const OFF = '1';
const ON = '';

interface Setting {
  readonly broker: TestBroker;
  readonly bench: AutomountBench;
  /** Of a simulated drive. */
  readonly attribute: (path: string) => string;
  /** Mounts it for a user, and says where. */
  readonly mount: (stick: Stick) => Promise<string>;
}

async function setting(t: Test): Promise<Setting> {
  const broker = await TestBroker.start(t, (directory) => ['--devices', join(directory, 'sys', 'class', 'block')]);
  const bench = new AutomountBench(t, broker.directory, broker.mounts);
  bench.active(ALICE);
  return {
    broker,
    bench,
    attribute: (path) => readFileSync(join(broker.directory, 'sys', 'devices', path), 'utf8'),
    mount: async (stick) => {
      await released(stick.node);
      const { stderr } = await bench.appear(stick, { ID_FS_LABEL_ENC: stick.name });
      t.match(bench.record(stick), { state: 'mounted' }, stderr);
      return String(bench.record(stick)?.['target']);
    },
  };
}

/** A loop device as a disk somewhere else. */
function place(bench: AutomountBench, { name }: Stick, path: string, attributes: Readonly<Record<string, string>> = {}): void {
  const real = (attribute: string): string => readFileSync(join('/sys/class/block', name, attribute), 'utf8');
  bench.sysfs(`${path}/${name}`, { dev: real('dev'), size: real('size'), removable: '0', ...attributes });
}

const jsonOf = (text: Buffer): { readonly result?: unknown; readonly error?: unknown } => JSON.parse(text.toString()) as { result?: unknown; error?: unknown };

t.test('a drive on USB', { skip }, async (t) => {
  const { broker, bench, attribute, mount } = await setting(t);
  const [stick, other] = [await bench.stick(t), await bench.stick(t)];
  bench.sysfs('pci/usb1/1-1', { idVendor: '1234', remove: ON });
  bench.sysfs('pci/usb1/1-1/1-1.2', { idVendor: '1234', remove: ON });
  place(bench, stick, 'pci/usb1/1-1/1-1.2/1-1.2:1.0/host1/block');
  place(bench, other, 'pci/usb1/1-1/1-1.2/1-1.2:1.0/host1/block');
  const target = await mount(stick);
  const off = (): string => attribute('pci/usb1/1-1/1-1.2/remove');

  const foreign = await broker.fuse4fs(BOB, 'eject', '--power-off', target);
  t.equal(foreign.status, 1, foreign.stderr);
  t.equal(mountsIn(bench.userRoot).length, 1);
  t.equal((await broker.fuse4fs(ALICE, 'umount', target)).status, 0);
  t.match((await broker.fuse4fs(BOB, 'eject', '--power-off', stick.node)).stderr, /was mounted for another user/u);

  const elsewhere = join(bench.directory, 'elsewhere');
  mkdirSync(elsewhere);
  await released(other.node);
  await run('mount', ['-t', 'ext4', other.node, elsewhere]);
  const busy = await broker.fuse4fs(ALICE, 'eject', '--power-off', stick.node);
  t.equal(busy.status, 32);
  t.match(busy.stderr, new RegExp(`${other.node} is in use`, 'u'), 'another disk of the drive is mounted');
  t.equal(off(), ON);
  await run('umount', [elsewhere]);
  await released(other.node);

  const done = await broker.fuse4fs(ALICE, 'eject', '--power-off', '--json', stick.node);
  t.equal(done.status, 0, done.stderr);
  t.match(jsonOf(done.stdout), { result: { disk: stick.node, how: 'powered off' } });
  t.equal(off(), OFF);
  t.equal(attribute('pci/usb1/1-1/remove'), ON, 'and not the hub');
  t.match(bench.record(stick), { state: 'ejected' });
  t.equal((await broker.fuse4fs(ALICE, 'eject', '--power-off', stick.node)).status, 1, 'once: then it is not hers any more');
});

t.test('a removable disk, and what has no switch', { skip }, async (t) => {
  const { broker, bench, attribute, mount } = await setting(t);
  const [stick, internal] = [await bench.stick(t), await bench.stick(t)];
  place(bench, stick, 'pci/ata1/block', { removable: '1', 'device/delete': ON });
  place(bench, internal, 'pci/ata2/block', { 'device/delete': ON });
  const target = await mount(stick);
  const done = await broker.fuse4fs(ALICE, 'eject', '--power-off', '-v', target);
  t.equal(done.status, 0, done.stderr);
  t.equal(done.stdout.toString(), `${stick.node} powered off.\n`, 'unmounted before');
  t.same(mountsIn(bench.userRoot), []);
  t.equal(attribute(`pci/ata1/block/${basename(stick.node)}/device/delete`), OFF);

  const words = [fuse4fs, 'eject', '--power-off', '--records', bench.records, '--devices', bench.devices, internal.node];
  const kept = await attempt(process.execPath, words);
  t.equal(kept.status, 32, 'what is not made to be pulled out is only ejected');
  t.match(kept.stderr, /has nothing to eject/u);
  t.equal(attribute(`pci/ata2/block/${basename(internal.node)}/device/delete`), ON);
});
