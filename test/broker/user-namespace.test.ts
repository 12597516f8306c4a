/** Mounts for whoever is root in a user namespace of its own, as in a rootless container: made by the broker, attached by the caller. */
import { execFileSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { countMounts } from '../../helper/broker/mounts-of-user.js';
import { ALICE, asUser, isMounted, TestBroker } from '../support/broker.js';
import { attempt, run } from '../support/command.js';
import { e2fsckComplaints } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { serverEnd, UserNamespace } from '../support/user-namespace.js';

const skip = cannotMount() || missing('setpriv') || missing('nsenter') || missing('unshare');

t.test('mount, use, status, umount', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice', { extended: ['root_owner=0:0'] });
  const space = await UserNamespace.make(t, broker, ALICE);

  const mounted = await space.fuse4fs('-v', image, target);
  t.equal(mounted.status, 0, mounted.stderr);
  t.equal(mounted.stdout.toString(), `${image} mounted on ${target}.\n`);
  t.notOk(isMounted(target), 'nobody outside sees it');
  t.match(await space.run('findmnt', '-no', 'FSTYPE,OPTIONS', target), /^fuse\.fuse4fs .*nosuid,nodev.*user_id=0,group_id=0/u);
  t.match((await space.fuse4fs('status')).stdout.toString(), /server +process \d+/u);
  t.match(broker.log, new RegExp(`^uid ${ALICE} pid \\d+: mounted ${image} on ${target}, device`, 'mu'));

  const script = `cd ${target} && echo mine > file && chmod 640 file && stat -c '%u %g %a' . file && ! chown 5 file 2>/dev/null && cat file`;
  t.equal(await space.run('sh', '-ec', script), '0 0 755\n0 0 640\nmine\n', 'root of the image is root of the namespace');

  const busy = await space.attempt('sh', '-c', `cd ${target} && ${process.execPath} ${fuse4fs} umount ${target}`);
  t.equal(busy.status, 32);
  t.match(busy.stderr, /target is busy/u);
  const unmounted = await space.fuse4fs('umount', '--json', target);
  t.equal(unmounted.status, 0, unmounted.stderr);
  t.match(JSON.parse(unmounted.stdout.toString()), { result: { serverEnded: true } }, 'it returns when the server has finished');
  t.equal(await e2fsckComplaints(image), undefined);
  const inode = (await run('debugfs', ['-R', 'stat file', image])).toString();
  t.match(inode, /User: +0 +Group: +0/u, 'what its root has made is root’s in the image');
});

t.test('a namespace that ends takes its mounts along', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  broker.policy({ mostMounts: 1 });
  const { image, target } = await broker.home(ALICE, 'alice', { extended: ['root_owner=0:0'] });
  const second = await broker.home(ALICE, 'second');
  const space = await UserNamespace.make(t, broker, ALICE);
  const ended = await serverEnd(broker, await space.mount(image, target));
  await space.run('sh', '-c', `echo mine > ${target}/file`);
  t.match((await broker.fuse4fs(ALICE, second.image, second.target)).stderr, /you have \d mounts already, and may have 1/u, 'it counts as the user’s');
  t.equal(countMounts(broker.mounts, ALICE), 1);
  await space.leave();
  await ended();
  t.equal(await e2fsckComplaints(image), undefined, 'its server has finished in order');
  t.equal((await run('debugfs', ['-R', 'cat file', image])).toString(), 'mine\n');
  t.equal(countMounts(broker.mounts, ALICE), 0, 'it counts no more');
});

t.test('who in the namespace sees it', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice', { extended: ['root_owner=0:0'] });
  const space = await UserNamespace.make(t, broker, ALICE);
  t.match((await space.fuse4fs(image, target, '-o', 'allow_other')).stderr, /user 64001 may not let others in/u, 'as everywhere');
  const ended = await serverEnd(broker, await space.mount(image, target));
  // The machine's root has all rights in the namespace, and is not its user.
  const asHost = await attempt('nsenter', [`--target=${space.pid}`, '--mount', 'setpriv', '--reuid=65534', '--clear-groups', 'ls', target]);
  t.match(asHost.stderr, /Permission denied/u);
  t.equal((await space.fuse4fs('umount', target)).status, 0);
  await ended();

  broker.policy({ allowOther: { users: [ALICE] } });
  await space.mount(image, target, '-o', 'allow_other');
  const outside = await attempt('nsenter', [`--target=${space.pid}`, '--mount', 'setpriv', '--reuid=65534', '--clear-groups', 'ls', target]);
  t.match(outside.stderr, /Permission denied/u, 'allow_other ends where the namespace does');
  t.equal((await space.fuse4fs('umount', target)).status, 0);
});

t.test('someone who is not its root', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice');
  const space = await UserNamespace.make(t, broker, ALICE, ['--user', '--map-user=1000', '--map-group=1000', '--mount']);
  const refused = await space.fuse4fs(image, target);
  t.equal(refused.status, 1);
  t.match(refused.stderr, /only root of a user namespace can mount in it/u);
  t.equal((await broker.fuse4fs(ALICE, image, target)).status, 0, 'nothing of it has stayed');
  t.equal((await broker.fuse4fs(ALICE, 'umount', target)).status, 0);
});

t.test('a block device', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice', { extended: ['root_owner=0:0'] });
  const loop = execFileSync('losetup', ['-f', '--show', image], { encoding: 'utf8' }).trim();
  t.teardown(() => execFileSync('losetup', ['-d', loop]));
  const space = await UserNamespace.make(t, broker, ALICE);
  t.match((await space.fuse4fs(loop, target)).stderr, /cannot open \/dev\/loop\d+/u, 'one that it may not open stays closed');
  chownSync(loop, ALICE, 0);
  t.teardown(() => chownSync(loop, 0, 0));
  const ended = await serverEnd(broker, await space.mount(loop, target));
  t.match(await space.run('findmnt', '-no', 'FSTYPE,SOURCE', target), new RegExp(`^fuse\\.fuse4fs +${loop}`, 'u'));
  await space.run('touch', join(target, 'file'));
  const claimed = await attempt('mke2fs', ['-q', '-F', loop]);
  t.match(claimed.stderr, /in use/u, 'nobody else can claim it');
  t.equal((await space.fuse4fs('umount', target)).status, 0);
  await ended();
  t.equal(await e2fsckComplaints(image), undefined);
});

t.test('fuse4fs detached', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice', { extended: ['root_owner=0:0'] });
  const space = await UserNamespace.make(t, broker, ALICE);
  const attach = `mount -c --bind /proc/self/fd/$FUSE4FS_MOUNT "$0" && touch "$0/file"; exit 7`;
  const attached = await space.fuse4fs('detached', image, '--', 'sh', '-c', attach, target);
  t.equal(attached.status, 7, attached.stderr);
  t.match(await space.run('findmnt', '-no', 'FSTYPE,OPTIONS', target), /^fuse\.fuse4fs .*nosuid,nodev/u, 'what the program has attached stays');
  t.equal((await space.fuse4fs('umount', target)).status, 0);
  t.equal(await e2fsckComplaints(image), undefined);

  const looked = await space.fuse4fs('detached', '-o', 'ro', image, 'sh', '-c', 'ls /proc/self/fd/$FUSE4FS_MOUNT/; ! touch /proc/self/fd/3/x');
  t.equal(looked.status, 0, looked.stderr);
  t.match(looked.stdout.toString(), /^file\nlost\+found$/mu);
  t.equal((await space.fuse4fs('detached', image, '--', 'false')).status, 1, 'what nobody has attached is gone: the image is free');
  t.match((await space.fuse4fs('detached', image, '--', '/nonexistent')).stderr, /cannot run \/nonexistent/u);
  t.match((await space.fuse4fs('detached', image)).stderr, /missing required argument 'COMMAND'/u);

  const outside = await broker.fuse4fs(ALICE, 'detached', image, '--', 'true');
  t.match(outside.stderr, /detached mounts are for user namespaces/u);
  t.equal(outside.status, 1);
  const root = await attempt(process.execPath, [fuse4fs, 'detached', image, '--', 'ls', '/proc/self/fd/3/']);
  t.equal(root.stdout.toString(), 'file\nlost+found\n', `root needs no broker: ${root.stderr}`);
});

t.test('a broker that has gone', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice', { extended: ['root_owner=0:0'] });
  const space = await UserNamespace.make(t, broker, ALICE);
  await space.mount(image, target);
  await broker.stop();
  await space.run('touch', join(target, 'file'));
  const unmounted = await space.fuse4fs('umount', '--json', target);
  t.match(JSON.parse(unmounted.stdout.toString()), { result: { serverEnded: true } }, unmounted.stderr);
  const alone = await attempt('setpriv', [...asUser(ALICE), ...space.entering, 'env', 'FUSE4FS_HELPER=', process.execPath, fuse4fs, image, target]);
  t.notMatch(alone.stderr, /the broker/u, 'nobody is asked, and it is mounted as before, or not');
});
