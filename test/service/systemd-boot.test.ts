/** The installed project under a systemd that boots, mounts from fstab, and shuts down. */
import { basename, join } from 'node:path';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { BootedSystem } from '../support/booted-system.js';
import { run } from '../support/command.js';
import { e2fsckComplaints } from '../support/image.js';
import { attachLoop, detachLoop } from '../support/loop-mount.js';
import { cannotMount, missing } from '../support/machine.js';
import { projectRoot } from '../support/native.js';
import { processorTime } from '../support/processor-time.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = cannotMount() || missing('systemd-nspawn');
const EIGHT_MEBIBYTES = '8M';
const WATCHDOG_SECONDS = 8;

/** In milliseconds: a mount is there a little before systemd has heard from its server that it is. */
const PATIENCE = 120_000;

/** `systemctl show` of the unit that serves what is mounted there. */
async function serverOf(system: BootedSystem, target: string): Promise<Record<string, string>> {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const found = await findServer(system, target);
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`no server says that it serves ${target}`);
  }
}

async function findServer(system: BootedSystem, target: string): Promise<Record<string, string> | undefined> {
  const units = await system.run('systemctl', 'list-units', '--plain', '--no-legend', '--all', 'fuse4fs-server@*.service');
  for (const name of units.split('\n').flatMap((line) => line.split(' ')[0] || [])) {
    const shown = await system.run('systemctl', 'show', name);
    const properties = Object.fromEntries(shown.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
    if (properties['StatusText']?.endsWith(` on ${target}`)) return properties;
  }
  return undefined;
}

/** What the journal has of a unit; systemd and services tell it without waiting until it has taken it. */
async function journalOf(system: BootedSystem, unit: string): Promise<string> {
  await system.run('journalctl', '--sync');
  return system.run('journalctl', '--no-pager', '--unit', unit);
}

const SERVER_DROP_INS = '/etc/systemd/system/fuse4fs-server@.service.d';

/** Milliseconds of processor time, of the helper and of the server with what systemd does to contain it. */
const MOST_COST = 500;
/** What `node -e 0` takes on an idle machine, where that holds: it takes more on one that is busy, or slow, and so does a mount. */
const NODE_START = 40;
const COSTED_MOUNTS = 5;

/** The cheapest counts: what else runs on the machine can only add to it, by way of caches and cores that are shared. */
const cost = async (t: Test, system: BootedSystem): Promise<void> => {
  const [mounts, starts]: [number[], number[]] = [[], []];
  for (let index = 0; index < COSTED_MOUNTS; index++) {
    starts.push(await processorTime(system, process.execPath, '-e', '0'));
    const helper = await processorTime(system, 'mount', '-t', 'fuse4fs', '/images/c.img', '/mnt/c');
    const server = Number((await serverOf(system, '/mnt/c'))['CPUUsageNSec']) / 1e6;
    t.comment(`a mount took ${Math.round(helper)} ms of the helper and ${Math.round(server)} ms of the server`);
    mounts.push(helper + server);
    await system.run('fuse4fs', 'umount', '/mnt/c');
  }
  const most = MOST_COST * Math.max(1, Math.min(...starts) / NODE_START);
  t.ok(Math.min(...mounts) < most, `a mount costs less than ${Math.round(most)} ms: ${mounts.map(Math.round).join(', ')}; Node alone ${starts.map(Math.round).join(', ')}`);
};

const asUser = async (t: Test, system: BootedSystem): Promise<void> => {
  const user = ['setpriv', '--reuid=64001', '--regid=64001', '--clear-groups'] as const;
  await system.run('sh', '-c', 'mkdir -p /srv/user/mnt && truncate -s 8M /srv/user/u.img && mke2fs -q -E root_owner=64001:64001 /srv/user/u.img && chown -R 64001 /srv/user');
  await system.run(...user, 'fuse4fs', '/srv/user/u.img', '/srv/user/mnt');
  t.match(await system.run('findmnt', '-no', 'OPTIONS', '/srv/user/mnt'), /nosuid,nodev.*user_id=64001/u);
  t.equal(await system.run(...user, 'sh', '-c', 'echo four > /srv/user/mnt/file && cat /srv/user/mnt/file'), 'four\n');
  t.equal((await serverOf(system, '/srv/user/mnt'))['ActiveState'], 'active', 'its server is one that systemd has started');
  t.match(await journalOf(system, 'fuse4fs-helper'), /uid 64001 pid \d+: mounted \/srv\/user\/u\.img on \/srv\/user\/mnt/u);
  const refused = await system.attempt(...user, 'fuse4fs', '/srv/user/u.img', '/etc');
  t.match(refused.stderr, /\/etc does not belong to you/u);
  await system.run(...user, 'fuse4fs', 'umount', '/srv/user/mnt');
  t.equal(await system.run('e2fsck', '-fn', '/srv/user/u.img').then(() => 'clean'), 'clean');

  await system.run('sh', '-c', 'truncate -s 8M /srv/user/n.img && mke2fs -q -E root_owner=0:0 /srv/user/n.img && chown 64001 /srv/user/n.img');
  const inside = 'fuse4fs n.img mnt && findmnt -no OPTIONS mnt && echo five > mnt/file && cat mnt/file && fuse4fs umount -v mnt';
  const said = await system.run(...user, 'unshare', '--user', '--map-root-user', '--mount', 'sh', '-ec', `cd /srv/user && ${inside}`);
  t.match(said, /nosuid,nodev.*user_id=0.*\nfive\n\/srv\/user\/mnt unmounted\.\n$/u, 'in a user namespace of its own, too');
  t.equal(await system.run('e2fsck', '-fn', '/srv/user/n.img').then(() => 'clean'), 'clean');
};

const ON_DEMAND = 'noauto,_netdev,x-systemd.automount,x-systemd.idle-timeout=10min';

const onDemand = async (t: Test, system: BootedSystem): Promise<void> => {
  await system.run('systemctl', 'start', 'mnt-d.automount');
  t.equal((await system.attempt('findmnt', '-t', 'fuse.fuse4fs', '/mnt/d')).status, 1, 'nothing is mounted before somebody looks');
  t.match(await system.run('ls', '/mnt/d'), /^lost\+found$/mu, 'a look mounts it');
  t.match(await system.run('findmnt', '-no', 'SOURCE', '-t', 'fuse.fuse4fs', '/mnt/d'), /^\/images\/d\.img$/mu);
  await system.run('systemctl', 'stop', 'mnt-d.mount');
  t.match(await system.run('ls', '/mnt/d'), /^lost\+found$/mu, 'and so does the next one, when it was unmounted');
  await system.run('systemctl', 'stop', 'mnt-d.automount');
  t.equal((await system.attempt('findmnt', '/mnt/d')).status, 1, 'with its automount, the mount goes');
};

const allOfFstab = async (t: Test, system: BootedSystem): Promise<void> => {
  await system.run('umount', '/mnt/a');
  await system.run('mount', '-a', '-t', 'fuse4fs');
  t.equal((await system.run('findmnt', '-no', 'SOURCE', '/mnt/a')).trim(), '/images/a.img', 'mount -a mounts what is not, and nofail excuses what does not exist');
  t.equal((await system.attempt('findmnt', '/mnt/b')).status, 1, 'but for what is noauto');
};

const STICK_PROPERTIES = 'ID_BUS=usb\nID_FS_USAGE=filesystem\nID_FS_TYPE=ext4\nID_FS_LABEL_ENC=stick\n';

/** No udev is at work in a container: nothing says that the device is there, and what it would say of it is in a file. */
const automountUnit = (): string =>
  readFileSync(join(projectRoot, 'systemd', 'fuse4fs-automount@.service'), 'utf8')
    .replaceAll('/usr/bin/node', process.execPath)
    .replace(/^BindsTo=.*\n/mu, '')
    .replace('After=dev-%i.device ', 'After=')
    .replace('appear %I', 'appear %I --properties /images/udev');

const asItAppears = async (t: Test, system: BootedSystem, device: string): Promise<void> => {
  const unit = `fuse4fs-automount@${basename(device)}.service`;
  const started = await system.attempt('systemctl', 'start', unit);
  t.equal(started.status, 0, await journalOf(system, unit));
  t.equal((await system.run('findmnt', '-no', 'SOURCE,FSTYPE', '/media/stick')).trim().replace(/\s+/gu, ' '), `${device} fuseblk.fuse4fs`, 'everybody sees it');
  t.match(await journalOf(system, unit), /: mounted on \/media\/stick$/mu);
  t.equal((await serverOf(system, '/media/stick'))['ActiveState'], 'active', 'its server is one that systemd has started');
  await system.run('systemctl', 'stop', unit);
  t.equal((await system.attempt('findmnt', '/media/stick')).status, 1, 'with its unit it goes');
  t.match(await journalOf(system, unit), /: unmounted from \/media\/stick$/mu);
  t.equal((await system.attempt('ls', '/media/stick')).status === 0, false, 'and its directory too');
  await system.run('sh', '-c', 'systemctl start "$0" && echo kept > /media/stick/kept', unit);
};

const IDLE_POLICY = { rules: [{ match: { bus: 'usb' }, idle: 1, owner: 64001, root: '/media' }] };

const whenSomebodyLooks = async (t: Test, system: BootedSystem, device: string): Promise<void> => {
  const unit = `fuse4fs-automount@${basename(device)}.service`;
  // Without a look at the place itself, which would count as use.
  const isMounted = async (): Promise<boolean> => (await system.attempt('grep', '-q', ' /media/stick .* fuseblk.fuse4fs ', '/proc/self/mountinfo')).status === 0;
  await system.run('sh', '-c', `mkdir -p /etc/fuse4fs && echo '${JSON.stringify(IDLE_POLICY)}' > /etc/fuse4fs/automount.json`);
  const started = await system.attempt('systemctl', 'start', unit);
  t.equal(started.status, 0, await journalOf(system, unit));
  t.notOk(await isMounted(), 'not before somebody does');
  // Who is in there uses it.
  const seen = await system.run('sh', '-ec', 'cd /media/stick; ls; grep " /media/stick .* fuseblk.fuse4fs " /proc/self/mountinfo');
  t.match(seen, /^lost\+found$/mu);
  t.match(seen, /nosuid,nodev,noexec.*user_id=64001,group_id=64001/u, 'for whom the policy says');
  const dropped = performance.now() + PATIENCE;
  while ((await isMounted()) && performance.now() < dropped);
  t.notOk(await isMounted(), 'dropped when nobody does any more');
  await system.run('sh', '-c', 'echo again > /media/stick/again');
  t.match(await system.run('cat', '/media/stick/again'), /again/u, 'and taken up again');
  const stopped = await system.attempt('systemctl', 'stop', unit);
  t.equal(stopped.status, 0, stopped.stderr);
  t.equal((await system.attempt('findmnt', '/media/stick')).status, 1, 'with its unit all of it goes');
  t.equal((await system.attempt('ls', '-d', '/media/stick')).status === 0, false);
  await system.run('rm', '/etc/fuse4fs/automount.json');
};

t.test('a system that boots with fuse4fs installed', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'systemd');
  const stick = join(directory, 'stick.img');
  await run('truncate', ['-s', EIGHT_MEBIBYTES, stick]);
  await run('mke2fs', ['-q', '-t', 'ext4', stick]);
  const device = attachLoop(stick);
  t.teardown(() => detachLoop(stick, device));
  const system = new BootedSystem(directory, device);
  mkdirSync(join(system.images, 'udev'));
  writeFileSync(join(system.images, 'udev', basename(device)), STICK_PROPERTIES);
  writeFileSync(join(system.etc, 'systemd', 'system', 'fuse4fs-automount@.service'), automountUnit());
  for (const name of ['a', 'b', 'c', 'd']) {
    const image = join(system.images, `${name}.img`);
    await run('truncate', ['-s', EIGHT_MEBIBYTES, image]);
    await run('mke2fs', ['-q', '-t', 'ext4', '-L', name, image]);
  }
  writeFileSync(
    join(system.etc, 'fstab'),
    ['/images/a.img /mnt/a fuse4fs defaults,nofail 0 2', '/images/b.img /mnt/b fuse4fs noauto,noatime 0 0', '/images/missing.img /mnt/none fuse4fs nofail 0 2', `/images/d.img /mnt/d fuse4fs ${ON_DEMAND} 0 0`, ''].join('\n'),
  );
  await system.boot(t);
  // "nofail" also means that the boot does not wait for it.
  await system.run('systemctl', 'start', 'mnt-a.mount');

  const first = await serverOf(system, '/mnt/a');
  t.equal(first['ActiveState'], 'active', 'fstab is mounted at boot, through a server that systemd has started');
  t.equal(first['StatusText'], 'serving /images/a.img on /mnt/a');
  t.equal((await system.run('findmnt', '-no', 'SOURCE,FSTYPE', '/mnt/a')).trim().replace(/\s+/gu, ' '), '/images/a.img fuse.fuse4fs');
  const status = await system.run('cat', `/proc/${first['MainPID'] ?? ''}/status`);
  t.match(status, /^CapEff:\s+0+$/mu, 'it has no capability');
  t.match(status, /^Seccomp:\s+2$/mu, 'its system calls are filtered');
  t.notMatch(status, /^Uid:\s+0\s/mu, 'it is not root');
  t.notMatch(await journalOf(system, first['Id'] ?? ''), /confinement: /u, 'it could confine itself further');

  await t.test('what a mount costs', (t) => cost(t, system));
  await t.test('mounted by fstab', (t) => allOfFstab(t, system));
  await t.test('mounted on demand', { skip: existsSync('/dev/autofs') ? false : 'this kernel has no autofs' }, (t) => onDemand(t, system));

  await system.run('sh', '-c', 'mount /mnt/b & mount -t fuse4fs /images/c.img /mnt/c & wait %1 && wait %2');
  const [second, third] = [await serverOf(system, '/mnt/b'), await serverOf(system, '/mnt/c')];
  t.not(second['Id'], third['Id'], 'two mounts at once get a server each');
  t.match(await system.run('findmnt', '-no', 'OPTIONS', '/mnt/b'), /noatime/u, 'with the options of fstab');
  await system.run('sh', '-c', 'echo one > /mnt/b/kept && sync /mnt/b/kept && echo two > /mnt/c/kept');

  await system.run('kill', '-KILL', second['MainPID'] ?? '');
  t.equal((await system.attempt('ls', '/mnt/b')).status === 0, false, 'a mount whose server was killed fails');
  t.equal((await system.run('cat', '/mnt/c/kept')).trim(), 'two', 'the others go on');
  await system.run('umount', '/mnt/b');
  await system.run('mount', '/mnt/b');
  t.equal((await system.run('cat', '/mnt/b/kept')).trim(), 'one', 'mounted again, what was synced is there');

  await system.run('umount', '/mnt/c');
  const stopped = await system.attempt('systemctl', 'stop', 'mnt-a.mount');
  t.equal(stopped.status, 0, `systemctl stop unmounts: ${stopped.stderr}`);
  if (stopped.status !== 0) t.comment(await system.run('journalctl', '--no-pager', '--lines=60'));
  t.equal((await system.attempt('findmnt', '/mnt/a')).status, 1, 'and nothing is mounted then');
  await system.run('sh', '-c', 'mkdir -p $0 && cp /usr/lib/fuse4fs/systemd/jitless.conf $0/ && systemctl daemon-reload', SERVER_DROP_INS);
  await system.run('mount', '-t', 'fuse4fs', '/images/c.img', '/mnt/c');
  const jitless = await serverOf(system, '/mnt/c');
  t.equal(jitless['MemoryDenyWriteExecute'], 'yes', 'without a compiler, memory cannot be written and run');
  t.equal((await system.run('cat', '/mnt/c/kept')).trim(), 'two', 'and it serves all the same');

  await system.run('umount', '/mnt/c');

  // Impatient only with this one: on a busy machine any other might be late, too.
  await system.run('sh', '-c', `printf '[Service]\\nWatchdogSec=${WATCHDOG_SECONDS}\\n' > $0/impatient.conf && systemctl daemon-reload`, SERVER_DROP_INS);
  await system.run('mount', '-t', 'fuse4fs', '/images/c.img', '/mnt/c');
  const hanging = await serverOf(system, '/mnt/c');
  await system.run('kill', '-STOP', hanging['MainPID'] ?? '');
  await system.run('sh', '-c', 'while systemctl --quiet is-active "$0"; do sleep 0.1; done', hanging['Id'] ?? '');
  t.match(await journalOf(system, hanging['Id'] ?? ''), /Watchdog timeout/u, 'a server that hangs is ended by the watchdog');
  await system.run('umount', '/mnt/c');
  await system.run('sh', '-c', 'rm $0/impatient.conf && systemctl daemon-reload', SERVER_DROP_INS);
  await t.test('libfuse’s dialect', async (t) => {
    await system.run('fuse4fs', 'libfuse', 'fuse4fs', '/images/c.img', '/mnt/c');
    t.equal((await system.run('findmnt', '-no', 'FSTYPE', '/mnt/c')).trim(), 'fuse.fuse4fs');
    t.equal((await serverOf(system, '/mnt/c'))['ActiveState'], 'active', 'the contained server took the first packet for what it is');
    t.equal((await system.run('cat', '/mnt/c/kept')).trim(), 'two');
    await system.run('umount', '/mnt/c');
  });
  await t.test('a user mounts through the broker', (t) => asUser(t, system));

  await t.test('a device that appears, and is mounted when somebody looks', { skip: existsSync('/dev/autofs') ? false : 'this kernel has no autofs' }, (t) => whenSomebodyLooks(t, system, device));
  await t.test('a device that appears', (t) => asItAppears(t, system, device));

  await system.run('sh', '-c', 'echo three > /mnt/b/late');
  await system.powerOff();
  t.equal(await e2fsckComplaints(stick), undefined, 'what was mounted as it appeared is clean');
  for (const name of ['a', 'b', 'c']) t.equal(await e2fsckComplaints(join(system.images, `${name}.img`)), undefined, `${name} is clean`);
  t.match((await run('debugfs', ['-R', 'cat /late', join(system.images, 'b.img')])).toString(), /three/u, 'shutting down unmounts, and loses nothing');
});
