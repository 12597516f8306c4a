/** /etc/fuse4fs/helper.json: what it may say, and what follows. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Caller } from '../../helper/broker/caller.js';
import { assertKind, assertMayMount, assertNumber, assertOptions, defaultPolicy, readPolicy, type Policy } from '../../helper/broker/policy.js';
import { ALICE, BOB, TestBroker } from '../support/broker.js';
import { cannotMount, missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';

const caller = (uid: number, ...groups: number[]): Caller => ({ uid, gid: uid, pid: 1, groups: [uid, ...groups], name: '', isAlive: () => true });
const onlyRoot = process.getuid?.() === 0 ? false : 'the file has to be root’s';

t.test('reading it', { skip: onlyRoot }, async (t) => {
  const directory = scratchDirectory(t, 'policy');
  const path = join(directory, 'helper.json');
  const read = (contents: unknown): Policy => {
    writeFileSync(path, typeof contents === 'string' ? contents : JSON.stringify(contents), { mode: 0o644 });
    return readPolicy(path);
  };
  t.same(readPolicy(path), defaultPolicy, 'no file: the defaults');
  t.same(read({}), defaultPolicy, 'nothing said: the defaults');
  t.same(read({ mount: { users: ['alice', 1001] } }).mount, { users: ['alice', 1001], groups: [] });
  for (const [contents, complaint] of [
    ['{', /helper\.json: is not JSON/u],
    [{ user: [] }, /helper\.json: unknown key user/u],
    [{ mount: { users: ['a'], group: [] } }, /unknown key mount\.group/u],
    [{ mount: { users: [-1] } }, /mount\.users/u],
    [{ mostMounts: 'many' }, /mostMounts: /u],
    [{ sources: ['image', 'pipe'] }, /sources\[1\]/u],
    [{ options: ['ro', 'suid'] }, /options\[1\]: is not an option that can be permitted/u],
    [{ options: ['server'] }, /options\[0\]/u],
    [[], /the whole/u],
  ] as const) t.throws(() => read(contents), { message: complaint, reason: 'POLICY_INVALID' });

  read({});
  chmodSync(path, 0o666);
  t.throws(() => readPolicy(path), { message: /can be written by others than root/u });
  mkdirSync(join(directory, 'not-a-file'));
  t.throws(() => readPolicy(join(directory, 'not-a-file')), { message: /is not a file/u });
});

t.test('judging by it', async (t) => {
  t.doesNotThrow(() => assertMayMount(defaultPolicy, caller(1000)), 'by default everybody may');
  const some: Policy = { ...defaultPolicy, mount: { users: [1000, 'nobody'], groups: [44, 'daemon'] }, allowOther: { users: [1000], groups: [] } };
  for (const who of [caller(1000), caller(65534), caller(1, 44), caller(2000, 1)]) t.doesNotThrow(() => assertMayMount(some, who));
  t.throws(() => assertMayMount(some, caller(1001, 45)), { code: 'PERMISSION', reason: 'POLICY' });

  t.doesNotThrow(() => assertOptions(defaultPolicy, ['ro', 'noatime', 'offset=1M', 'sb=8193', 'nosuid', 'errors=remount-ro', 'nofail'], caller(1000)));
  for (const word of ['suid', 'dev', 'allow_other', 'fsname=x', 'server=/x', 'iomap=on', 'context=x', 'journal_path=/dev/sda', 'journal_dev=5', 'remount', 'unheard-of', '']) {
    t.throws(() => assertOptions(defaultPolicy, [word], caller(1000)), { code: 'PERMISSION', reason: 'POLICY' }, word);
  }
  t.doesNotThrow(() => assertOptions(some, ['allow_other'], caller(1000)));
  t.throws(() => assertOptions(some, ['allow_other'], caller(65534)), { code: 'PERMISSION', reason: 'POLICY' });

  t.throws(() => assertKind(defaultPolicy, 'imageOnFuse', '/x'), { message: /is an image on a FUSE filesystem/u });
  t.throws(() => assertKind({ ...defaultPolicy, sources: ['image'] }, 'blockDevice', '/dev/x'), { message: /a block device, which users may not mount/u });
  t.doesNotThrow(() => assertNumber({ ...defaultPolicy, mostMounts: 2 }, 1));
  t.throws(() => assertNumber({ ...defaultPolicy, mostMounts: 2 }, 2), { message: /you have 2 mounts already/u });
});

t.test('what users are told', { skip: cannotMount() || missing('setpriv') }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice');
  const second = await broker.home(ALICE, 'second');
  broker.policy({ mount: { users: [ALICE] }, mostMounts: 1, allowOther: { users: [ALICE] }, options: ['noexec'] });
  const bob = await broker.home(BOB, 'bob');
  t.match((await broker.fuse4fs(BOB, bob.image, bob.target)).stderr, /user 64002 may not mount/u);
  t.match((await broker.fuse4fs(ALICE, image, target, '-o', 'ro')).stderr, /option 'ro' is not permitted to users/u);
  t.equal((await broker.fuse4fs(ALICE, image, target, '-o', 'noexec,allow_other')).status, 0);
  t.equal((await broker.as(BOB, 'ls', target)).status, 0, 'others are let in where that is permitted');
  const more = await broker.fuse4fs(ALICE, second.image, second.target);
  t.match(more.stderr, /you have 1 mounts already, and may have 1/u);
  t.equal(more.status, 1);
  t.equal((await broker.fuse4fs(ALICE, 'umount', target)).status, 0);
  t.equal((await broker.fuse4fs(ALICE, second.image, second.target)).status, 0, 'one less, one more');
  t.equal((await broker.fuse4fs(ALICE, 'umount', second.target)).status, 0);
  broker.policy('{ "mostMount": 3 }');
  const invalid = await broker.fuse4fs(ALICE, image, target);
  t.match(invalid.stderr, /helper\.json: unknown key mostMount/u);
  t.equal(invalid.status, 2);
});
