/** What root of a user namespace could try to make of the broker: devices, other people's namespaces, more mounts than it may have. */
import { chmodSync, chownSync, closeSync, copyFileSync, openSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { shim } from '../../helper/native/shim.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { ALICE, asUser, BOB, TestBroker } from '../support/broker.js';
import type { RawAnswer, RawCase } from '../support/broker-raw.js';
import { attempt, run } from '../support/command.js';
import { cannotMount, missing } from '../support/machine.js';
import { projectRoot } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';
import { forgotten, serverEnd, UserNamespace } from '../support/user-namespace.js';

const skip = cannotMount() || missing('setpriv') || missing('nsenter') || missing('unshare');
const raw = join(projectRoot, 'dist/test/support/broker-raw.js');

const PATIENCE = 20_000;

/** An id that is nobody's here, and that ALICE is lent as 1 in her namespace. */
const LENT = 64_901;

t.test('nosuid and nodev taken off', { skip }, async (t) => {
  const contents = scratchDirectory(t, 'hostile');
  for (const [name, owner] of [['own', 0], ['other', 5]] as const) {
    copyFileSync('/usr/bin/id', join(contents, name));
    chownSync(join(contents, name), owner, owner);
    chmodSync(join(contents, name), 0o6755);
  }
  await run('mknod', ['-m', '666', join(contents, 'null'), 'c', '1', '3']);
  await run('mknod', ['-m', '666', join(contents, 'disk'), 'b', '7', '0']);
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice', { from: contents, extended: ['root_owner=0:0'] });
  const space = await UserNamespace.make(t, broker, ALICE);
  const ended = await serverEnd(broker, await space.mount(image, target));
  await space.run('mount', '-o', 'remount,bind,suid,dev,exec', target);
  t.notMatch(await space.run('findmnt', '-no', 'OPTIONS', target), /nosuid|nodev/u, 'its root may do that');
  for (const name of ['null', 'disk']) {
    const { status, stderr } = await space.attempt('sh', '-c', `test -${name === 'null' ? 'c' : 'b'} ${target}/${name} && cat ${target}/${name}`);
    t.not(status, 0);
    t.match(stderr, /Permission denied/u, `${name} is no device all the same`);
  }
  t.equal(await space.run(join(target, 'own'), '-u'), '0\n', 'root of the namespace');
  t.equal(await space.run(join(target, 'other'), '-u'), '0\n', 'not a user whom the namespace does not have');
  t.equal(await space.run('stat', '-c', '%u', join(target, 'other')), '65534\n');
  const itself = await run('stat', ['-c', '%u', `/proc/${space.pid}`]);
  t.equal(itself.toString(), `${ALICE}\n`, 'which is its maker outside');
  t.not((await space.attempt('mknod', join(target, 'new'), 'b', '7', '0')).status, 0);
  await space.run('umount', target);
  await ended();
});

t.test('namespaces of others, and of another kind', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image } = await broker.home(ALICE, 'alice');
  const space = await UserNamespace.make(t, broker, ALICE);
  const detached = (name: string, path?: string): RawCase => ({ name, mount: { source: { path: image }, ...(path !== undefined && { namespace: { path } }) } });

  const outside = await broker.raw(ALICE, [detached('the broker’s')]);
  t.match(outside.get('the broker’s'), { type: 'refusal', reason: 'NAMESPACE', message: 'detached mounts are for user namespaces' });

  const answers = await broker.raw(ALICE, [
    detached('network', '/proc/self/ns/net'),
    detached('user', '/proc/self/ns/user'),
    detached('a file', image),
    { name: 'suid', mount: { source: { path: image }, options: ['suid'] } },
    { name: 'dev', mount: { source: { path: image }, options: ['dev'] } },
    { name: 'iomap', mount: { source: { path: image }, options: ['iomap=on'] } },
    { name: 'attached', mount: { source: { path: image }, mountPoint: { path: join(broker.directory, 'alice/mnt') } } },
    { name: 'unmount', unmount: { parent: { path: join(broker.directory, 'alice') }, entry: 'mnt' } },
  ], ...space.entering);
  for (const name of ['network', 'user', 'a file']) t.match(answers.get(name), { type: 'refusal', message: /of another kind/u }, name);
  for (const name of ['suid', 'dev', 'iomap']) t.match(answers.get(name), { type: 'refusal', reason: 'POLICY' }, name);
  for (const name of ['attached', 'unmount']) t.match(answers.get(name), { type: 'refusal', message: 'the mount namespace belongs to a user namespace' }, name);

  // As if it were bound to a file that everybody may open.
  const foreign = openSync(`/proc/${space.pid}/ns/mnt`, 'r');
  const cases: RawCase[] = [{ name: 'foreign', mount: { source: { path: image }, namespace: { inherited: 3 } } }];
  const asBob = await attempt('setpriv', [...asUser(BOB), process.execPath, raw, broker.socket, JSON.stringify(cases)], { stdio: ['ignore', 'pipe', 'pipe', foreign] });
  closeSync(foreign);
  t.match((JSON.parse(asBob.stdout.toString()) as RawAnswer[])[0], { type: 'refusal', reason: 'NAMESPACE', message: 'the user namespace is not yours' });
});

t.test('whoever enters a namespace for the broker is not waited for', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const space = await UserNamespace.make(t, broker, ALICE);
  const [user = -1, mount = -1, own = -1] = [`/proc/${space.pid}/ns/user`, `/proc/${space.pid}/ns/mnt`, '/proc/self/ns/user'].map((path) => openSync(path, 'r'));
  const opened = new Uint8Array(8);
  const { EINVAL, ETIMEDOUT } = constants.errno;
  t.equal(shim.fuseInside(own, mount, PATIENCE, opened), -EINVAL, 'what fails in there is told');
  t.equal(shim.fuseInside(mount, user, PATIENCE, opened), -EINVAL);
  t.equal(shim.fuseInside(user, mount, PATIENCE, opened), 0);
  closeDescriptors(new Int32Array(opened.buffer));
  const results = Array.from({ length: 20 }, () => {
    const result = shim.fuseInside(user, mount, 0, opened);
    if (result === 0) closeDescriptors(new Int32Array(opened.buffer));
    return result;
  });
  t.same(results.filter((result) => result !== 0 && result !== -ETIMEDOUT), [], 'late, or in time by chance');
  const { stdout } = await attempt('ps', ['--ppid', String(process.pid), '-o', 'stat=']);
  t.notMatch(stdout.toString(), /^Z/mu, 'and none of them is left');
  closeDescriptors([user, mount, own]);
});

t.test('ids that a user is lent', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice');
  const space = await UserNamespace.make(t, broker, ALICE, ['--user', '--mount']);
  // What newuidmap does where /etc/subuid has it.
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${space.pid}/${map}`, `0 ${ALICE} 1\n1 ${LENT} 1\n`);
  const one: RawCase[] = [{ name: 'one', mount: { source: { path: image } } }];
  const lent = [...space.entering, 'setpriv', '--reuid=1', '--regid=1', '--clear-groups'];
  for (const within of [lent, [...lent, 'unshare', '--user', '--map-root-user', '--mount']]) {
    const answers = await broker.raw(ALICE, one, ...within);
    t.match(answers.get('one'), { type: 'refusal', reason: 'NAMESPACE', message: 'the user namespace is not yours' }, 'no way around the number of mounts');
  }
  t.match(broker.log, new RegExp(`^uid ${LENT} pid \\d+: refused \\(NAMESPACE\\)`, 'mu'), 'they are themselves');

  const nested = await broker.raw(ALICE, one, ...space.entering, 'unshare', '--user', '--map-root-user', '--mount');
  t.match(nested.get('one'), { type: 'mounted', readOnly: true }, 'a namespace in the namespace is its maker’s');
  await forgotten(broker, nested.get('one')?.device ?? '');

  const ended = await serverEnd(broker, await space.mount(image, target));
  const files = await space.run('sh', '-c', `touch ${target}/x 2>&1; stat -c '%u %g' ${target}`);
  t.match(files, /65534 65534$/mu, 'ids of the image are ids of the namespace: this one it does not have');
  await space.run('umount', target);
  await ended();
});

t.test('mounts that are asked for and not taken', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  broker.policy({ mostMounts: 1 });
  const { image, target } = await broker.home(ALICE, 'alice');
  const space = await UserNamespace.make(t, broker, ALICE);
  const kept = await broker.raw(ALICE, [{ name: 'kept', mount: { source: { path: image } } }, { name: 'second', mount: { source: { path: image } } }], ...space.entering);
  t.match(kept.get('kept'), { type: 'mounted' });
  t.match(kept.get('second'), { type: 'refusal', message: /you have \d mounts already, and may have 1/u }, 'what is attached nowhere counts, too');
  await forgotten(broker, kept.get('kept')?.device ?? '');

  // A request that is just being finished counts like a mount.
  broker.policy({});
  await broker.raw(ALICE, [{ name: 'gone', mount: { source: { path: image } }, hangUp: true }], ...space.entering);
  const [, device = ''] = await broker.says(/ device (\S+), read-only\n[^\n]*took no answer/u);
  await forgotten(broker, device);
  const mounted = await space.fuse4fs(image, target);
  t.equal(mounted.status, 0, `nothing is left of either: ${mounted.stderr}`);
  t.equal((await space.fuse4fs('umount', target)).status, 0);
});
