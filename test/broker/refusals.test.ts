/** What the broker is asked for and does not do: other people's places, descriptors of the wrong kind, packets that are none. */
import { chmodSync, chownSync, closeSync, constants, mkdirSync, openSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ALICE, BOB, isMounted, mountsBeneath, TestBroker } from '../support/broker.js';
import type { RawCase } from '../support/broker-raw.js';
import { attempt, run } from '../support/command.js';
import { cannotMount, missing } from '../support/machine.js';
import { nativeProgram } from '../support/native.js';

const skip = cannotMount() || missing('setpriv');
const { O_RDWR, O_WRONLY, O_NONBLOCK, O_NOFOLLOW, O_DIRECTORY } = constants;
const O_PATH = 0o10000000;

t.test('descriptors of the wrong kind', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { directory, image, target } = await broker.home(ALICE, 'alice');
  const at = (name: string): string => join(directory, name);
  await run('mkfifo', [at('fifo')]);
  writeFileSync(at('empty'), '');
  writeFileSync(at('zeros'), '');
  truncateSync(at('zeros'), 1 << 20);
  for (const name of ['fifo', 'empty', 'zeros']) chownSync(at(name), ALICE, ALICE);
  const from = (name: string, source: object): RawCase => ({ name, mount: { source, mountPoint: { path: target, flags: O_PATH } } });

  const answers = await broker.raw(ALICE, [
    from('directory', { path: directory }),
    from('FIFO', { path: at('fifo'), flags: O_RDWR | O_NONBLOCK }),
    from('pipe', { inherited: 0 }),
    from('/dev/fuse', { inherited: 3 }),
    from('/dev/null', { path: '/dev/null', flags: O_RDWR }),
    from('O_PATH', { path: image, flags: O_PATH }),
    from('for writing only', { path: image, flags: O_WRONLY }),
    from('empty', { path: at('empty'), flags: O_RDWR }),
    from('a namespace', { path: '/proc/self/ns/mnt' }),
    from('no filesystem', { path: at('zeros'), flags: O_RDWR }),
    { name: 'a namespace of another kind', mount: { source: { path: image }, mountPoint: { path: target }, namespace: { path: '/proc/self/ns/net' } } },
    { name: 'a file as namespace', mount: { source: { path: image }, mountPoint: { path: target }, namespace: { path: image } } },
  ]);
  for (const [name, wanted] of Object.entries({
    directory: /is a directory/u, FIFO: /is a pipe/u, pipe: /is a pipe/u, '/dev/fuse': /is a character device/u, '/dev/null': /is a character device/u,
    'O_PATH': /was opened with O_PATH/u, 'for writing only': /for writing only/u, empty: /is empty/u, 'a namespace': /is empty/u,
    'no filesystem': /superblock|ext4|magic/iu, 'a namespace of another kind': /of another kind/u, 'a file as namespace': /of another kind/u,
  })) {
    t.equal(answers.get(name)?.type, 'refusal', name);
    t.match(answers.get(name)?.message, wanted);
  }

  const memoryFile = await nativeProgram('memory-file');
  const cli = join(import.meta.dirname, '../../cli/fuse4fs.cjs');
  const unsealed = await broker.as(ALICE, memoryFile, image, '0', process.execPath, cli, 'fd:3', target);
  t.equal(unsealed.status, 32);
  t.match(unsealed.stderr, /memory that can be truncated/u);
  const sealed = await broker.as(ALICE, memoryFile, image, '1', process.execPath, cli, 'fd:3', target);
  t.equal(sealed.status, 0, sealed.stderr);
  await broker.mustRun(ALICE, process.execPath, cli, 'umount', target);

  const readOnly = await broker.raw(ALICE, [{ name: 'read-only', mount: { source: { path: image }, mountPoint: { path: target } } }]);
  t.match(readOnly.get('read-only'), { type: 'mounted', readOnly: true }, 'what was opened for reading is mounted for reading');
  t.not((await broker.as(ALICE, 'touch', join(target, 'file'))).status, 0);
  // Its own file: what it gets is errors, and they are its own.
  truncateSync(image, 0);
  t.not((await broker.as(ALICE, 'sh', '-c', `ls ${target}/lost+found && cat ${target}/lost+found/*`)).status, 0);
  const umount = await broker.fuse4fs(ALICE, 'umount', target);
  t.notOk(isMounted(target), umount.stderr);
});

t.test('mount points of others', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { directory, image, target } = await broker.home(ALICE, 'alice');
  const bob = await broker.home(BOB, 'bob');
  const at = (name: string): string => join(directory, name);
  mkdirSync(at('readonly'));
  mkdirSync(at('open'));
  symlinkSync('/etc', at('link'));
  for (const name of ['readonly', 'open']) chownSync(at(name), ALICE, ALICE);
  chmodSync(at('readonly'), 0o555);
  chmodSync(bob.target, 0o777);
  const on = (name: string, path: string, flags = O_PATH | O_DIRECTORY): RawCase => ({ name, mount: { source: { path: image }, mountPoint: { path, flags } } });
  const places = { '/': '/', '/etc': '/etc', '/tmp': '/tmp', '/dev/shm': '/dev/shm', '/proc/self': '/proc/self', 'bob’s': bob.target, 'not writable': at('readonly'), 'by a link': at('link') };
  const answers = await broker.raw(ALICE, [
    ...Object.entries(places).map(([name, path]) => on(name, path)),
    on('a link itself', at('link'), O_PATH | O_NOFOLLOW),
    on('a file', image, O_PATH),
    on('a device', '/dev/null', O_PATH),
  ]);
  for (const [name, { type, message }] of answers) t.equal(type, 'refusal', `${name}: ${message}`);
  t.match(answers.get('by a link')?.message, /\/etc does not belong to you/u, 'a link is where it leads');
  t.match(answers.get('/proc/self')?.message, /filesystem of type 0x9fa0/u);

  const inside = await broker.raw(ALICE, [{ name: 'user namespace', mount: { source: { path: image }, mountPoint: { path: target } } }], 'unshare', '--user', '--mount');
  t.match(inside.get('user namespace'), { type: 'refusal', message: 'the mount namespace belongs to a user namespace' }, 'who is root there could take nodev off again');

  // Opened before something is mounted there, it leads beneath.
  const beneath = openSync(target, O_PATH | O_DIRECTORY);
  await run('mount', ['-t', 'tmpfs', 'roots', target]);
  const covering = JSON.stringify([{ name: 'covered', mount: { source: { path: image }, mountPoint: { inherited: 3 } } }]);
  const program = join(import.meta.dirname, '../support/broker-raw.js');
  const covered = await attempt('setpriv', [`--reuid=${ALICE}`, `--regid=${ALICE}`, '--clear-groups', process.execPath, program, broker.socket, covering], { stdio: ['ignore', 'pipe', 'pipe', beneath] });
  closeSync(beneath);
  await run('umount', [target]);
  t.match(covered.stdout.toString(), /something is mounted on/u, 'a mount of root’s is not hidden');

  await broker.mustRun(ALICE, process.execPath, join(import.meta.dirname, '../../cli/fuse4fs.cjs'), image, target);
  await broker.mustRun(ALICE, 'mkdir', join(target, 'within'));
  const second = await broker.raw(ALICE, [on('on the mount', target), on('within it', join(target, 'within')), { name: 'no mount', unmount: { parent: { path: directory }, entry: 'open' } }]);
  t.match(second.get('on the mount')?.message, /is in a mount of fuse4fs/u);
  t.match(second.get('within it')?.message, /is in a mount of fuse4fs/u);
  t.match(second.get('no mount')?.message, /not mounted/u);
  const foreign = await broker.raw(BOB, [
    { name: 'alice’s', unmount: { parent: { path: directory, flags: O_PATH }, entry: 'mnt' } },
    { name: '/proc', unmount: { parent: { path: '/', flags: O_PATH }, entry: 'proc' } },
  ]);
  t.match(foreign.get('alice’s')?.message, /was mounted by another user/u);
  t.match(foreign.get('/proc')?.message, /not a fuse4fs mount/u);
  t.same(mountsBeneath(broker.directory), [target], 'nothing else is mounted');
  await broker.mustRun(ALICE, process.execPath, join(import.meta.dirname, '../../cli/fuse4fs.cjs'), 'umount', target);
});

t.test('packets that are none', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice');
  const roles = { MOUNT_NAMESPACE: 3, SOURCE: 1, MOUNT_POINT: 2, PARENT: 5, MOUNT: 6 };
  const { SOURCE, MOUNT_POINT, MOUNT_NAMESPACE, MOUNT, PARENT } = roles;
  const answers = await broker.raw(BOB, [
    { name: 'empty', packet: '' },
    { name: 'garbage', packet: 'ffffffffffffffff' },
    { name: 'half', packet: '0a2f' },
    { name: 'garbage with descriptors', packet: '00'.repeat(100), descriptors: 60 },
    { name: 'flood', packet: '0a00', descriptors: 65 },
    { name: 'an answer', message: { mounted: { source: 'x', target: 'y', device: '1:2' } }, descriptors: 0 },
    { name: 'a refusal', message: { refusal: { code: 'X', reason: 'X' } }, descriptors: 0 },
    { name: 'no descriptors', message: { mountRequest: { descriptors: [SOURCE, MOUNT_POINT, MOUNT_NAMESPACE] } }, descriptors: 0 },
    { name: 'more than named', message: { mountRequest: { descriptors: [SOURCE, MOUNT_POINT, MOUNT_NAMESPACE] } }, descriptors: 20 },
    { name: 'one twice', message: { mountRequest: { descriptors: [SOURCE, SOURCE, MOUNT_POINT, MOUNT_NAMESPACE] } }, descriptors: 4 },
    { name: 'a foreign role', message: { mountRequest: { descriptors: [SOURCE, MOUNT_POINT, MOUNT_NAMESPACE, MOUNT] } }, descriptors: 4 },
    { name: 'a path as name', message: { unmountRequest: { descriptors: [PARENT, MOUNT_NAMESPACE], name: '../etc' } }, descriptors: 2 },
    { name: 'dots as name', message: { unmountRequest: { descriptors: [PARENT, MOUNT_NAMESPACE], name: '..' } }, descriptors: 2 },
    { name: 'too many options', message: { mountRequest: { descriptors: [SOURCE, MOUNT_POINT, MOUNT_NAMESPACE], options: Array.from({ length: 300 }, () => 'ro') } }, descriptors: 3 },
    { name: 'a quote', message: { mountRequest: { descriptors: [SOURCE, MOUNT_POINT, MOUNT_NAMESPACE], options: ['ro","suid'] } }, descriptors: 3 },
  ]);
  for (const [name, answer] of answers) t.match(answer, { type: 'refusal', reason: 'PROTOCOL' }, `${name}: ${answer.message}`);
  const cli = join(import.meta.dirname, '../../cli/fuse4fs.cjs');
  await broker.mustRun(ALICE, process.execPath, cli, image, target);
  await broker.mustRun(ALICE, process.execPath, cli, 'umount', target);
  t.pass('others are served');
});
