/**
 * The real udisksd mounts by fuse4fs, in a booted system into which its packages are unpacked. They are not installed on
 * the machine: with them would come a udev that looks at every device.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { BootedSystem } from '../support/booted-system.js';
import { run } from '../support/command.js';
import { packagesOrReason, UDISKS } from '../support/debian-packages.js';
import { e2fsckComplaints } from '../support/image.js';
import { attachLoop, detachLoop } from '../support/loop-mount.js';
import { cannotMount, missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { until } from '../support/until.js';

t.setTimeout(300_000);

const lacking = cannotMount() || missing('systemd-nspawn', 'dbus-daemon');
/** FUSE4FS_BOOT_ROOT (booted-system.ts) has a udisks of its own: another release of Debian, for example. */
const hasOwn = process.env['FUSE4FS_BOOT_ROOT'] !== undefined;
const { packages, skip } = lacking === false && !hasOwn ? await packagesOrReason(UDISKS) : { packages: '', skip: lacking };
const UUID = '01234567-89ab-4cde-8f01-23456789abcd';
/** No udev is at work in a container: what it would know of the device is put where it keeps that. */
const KNOWN = ['I:1', 'E:ID_FS_USAGE=filesystem', 'E:ID_FS_TYPE=ext4', 'E:ID_FS_VERSION=1.0', `E:ID_FS_UUID=${UUID}`, 'E:ID_FS_LABEL=DISK', 'E:ID_FS_LABEL_ENC=DISK', 'V:1', ''].join('\\n');

t.test('udisks', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'udisks-run');
  const image = join(directory, 'disk.img');
  await run('truncate', ['-s', '16M', image]);
  await run('mke2fs', ['-q', '-t', 'ext4', '-L', 'DISK', '-U', UUID, image]);
  const device = attachLoop(image);
  t.teardown(() => detachLoop(image, device));
  const nothing = join(directory, 'nothing');
  mkdirSync(nothing);
  const system = new BootedSystem(directory, device, hasOwn ? nothing : packages);
  await system.boot(t);
  const { rdev } = statSync(device);
  const number = `${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`;
  await system.run('sh', '-c', `mkdir -p /run/udev/data && printf '${KNOWN}' > /run/udev/data/b${number} && systemctl start udisks2`);
  const version = /version (\S+)/u.exec(await system.run('journalctl', '--no-pager', '-u', 'udisks2'))?.[1] ?? 'of an unknown version';
  t.comment(`udisks ${version}`);
  const takesDrivers = (await system.attempt('grep', '-q', '_drivers', '/usr/libexec/udisks2/udisksd')).status === 0;

  const byName = takesDrivers ? [] : ['-t', 'fuse4fs'];
  t.match(await system.run('udisksctl', 'mount', '-b', device, ...byName), /^Mounted \/dev\/loop\d+ at \/\S+\/DISK/u);
  const [target = '', type = '', options = '', shown = ''] = (await system.run('findmnt', '-rno', 'TARGET,FSTYPE,OPTIONS,MAJ:MIN', '-S', device, '-t', 'fuseblk.fuse4fs')).trim().split(' ');
  t.equal(type, 'fuseblk.fuse4fs', 'by the contained server');
  t.match(options, /^rw,nosuid,nodev,/u);
  t.equal(shown, number, 'with the numbers of the device, by which udisks knows the mount');
  const isKnown = async (): Promise<true | undefined> => (new RegExp(`MountPoints:\\s+${target}\\n`, 'u').test((await system.attempt('udisksctl', 'info', '-b', device)).stdout.toString()) ? true : undefined);
  t.ok(await until('udisks shows the mount', isKnown), 'as udisks shows');
  t.match(await system.run('cat', '/run/mount/utab'), /uhelper=udisks2/u, 'umount(8) asks udisks');
  await system.run('sh', '-c', 'echo one > "$0/file"', target);
  t.match(await system.run('udisksctl', 'unmount', '-b', device), /^Unmounted/u);
  t.ok(await until('its directory goes', async () => ((await system.attempt('ls', target)).status === 0 ? undefined : true)), 'its directory is gone');

  await system.run('udisksctl', 'mount', '-b', device, ...byName, '-o', 'ro,noatime');
  t.match(await system.run('findmnt', '-rno', 'OPTIONS', '-S', device, '-t', 'fuseblk.fuse4fs'), /^ro,nosuid,nodev,noatime,/u, 'options of udisks');
  t.equal(await system.run('cat', join(target, 'file')), 'one\n');
  await until('udisks shows the second mount', isKnown);
  await system.run('udisksctl', 'unmount', '-b', device);
  t.match((await system.attempt('udisksctl', 'mount', '-b', device, ...byName, '-o', 'suid')).stderr, /suid' is not allowed/u);
  t.equal(await e2fsckComplaints(image), undefined);
  await system.powerOff();
});
