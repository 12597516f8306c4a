/** Loop devices that appear, as udev would tell of them, are mounted as the policy says, and go. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { AutomountBench, mountsIn, type Stick } from '../support/automount.js';
import { ALICE, BOB, TestBroker } from '../support/broker.js';
import { run } from '../support/command.js';
import { debugfs, e2fsckComplaints } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { released } from '../support/released.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = cannotMount();
const benchFor = (t: Test): AutomountBench => new AutomountBench(t, scratchDirectory(t, 'automount'));

/** Mounts it, and says where. */
async function mounted(t: Test, bench: AutomountBench, stick: Stick, properties: Readonly<Record<string, string>> = {}): Promise<string> {
  await released(stick.node);
  const { status, stderr } = await bench.appear(stick, properties);
  t.equal(status, 0, stderr);
  const record = bench.record(stick);
  t.equal(record?.['state'], 'mounted', stderr);
  return String(record?.['target']);
}

t.test('the stick of the user who sits there', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const bench = new AutomountBench(t, broker.directory, broker.mounts);
  bench.active(ALICE);
  const stick = await bench.stick(t, ['-E', `root_owner=${ALICE}:${ALICE}`]);
  const target = await mounted(t, bench, stick, { ID_FS_LABEL: 'MY_STICK', ID_FS_LABEL_ENC: 'MY\\x20STICK' });
  t.equal(target, join(bench.userRoot, String(ALICE), 'MY STICK'), 'a directory of the user’s, named after the label');
  const [mount] = mountsIn(bench.userRoot);
  for (const option of ['nosuid', 'nodev', 'noexec', `user_id=${ALICE}`]) t.ok(mount?.options.includes(option), option);
  t.equal((await broker.as(ALICE, 'sh', '-c', 'echo one > "$0/file" && cat "$0/file"', target)).stdout.toString(), 'one\n', 'it is the user’s');
  t.not((await broker.as(BOB, 'ls', target)).status, 0, 'others cannot look in');
  t.equal((await run('cat', [join(target, 'file')])).toString(), 'one\n', 'root can');
  t.equal((await broker.fuse4fs(BOB, 'umount', target)).status, 1, 'others cannot unmount it');
  const unmounted = await broker.fuse4fs(ALICE, 'umount', target);
  t.equal(unmounted.status, 0, unmounted.stderr);
  await released(stick.node);
  t.equal(await e2fsckComplaints(stick.image), undefined);
  const gone = await bench.disappear(stick, 'pulled out');
  t.match(gone.stderr, /not mounted any more/u);
  const { image, target: own } = await broker.home(BOB, 'bob');
  t.match((await broker.fuse4fs(BOB, image, own, '-o', `owner_uid=${ALICE}`)).stderr, /option 'owner_uid' is not for users/u, 'nobody but root mounts for somebody else');
  t.notOk(existsSync(target), 'the directory is gone with the stick');
  t.equal(bench.record(stick), undefined);
});

t.test('nobody sits there', { skip }, async (t) => {
  const bench = benchFor(t);
  bench.active(undefined);
  const [first, second] = [await bench.stick(t), await bench.stick(t)];
  const label = { ID_FS_LABEL_ENC: 'backup' };
  mkdirSync(join(bench.systemRoot, 'backup'), { recursive: true });
  t.equal(await mounted(t, bench, first, label), join(bench.systemRoot, 'backup'), 'an empty directory that a power failure has left is used');
  t.equal(await mounted(t, bench, second, label), join(bench.systemRoot, 'backup-2'), 'of the same name, another directory');
  t.ok(mountsIn(bench.systemRoot).every(({ options }) => options.includes('user_id=0') && options.includes('allow_other')));
  const again = await bench.appear(first, label);
  t.match(again.stderr, /left alone: it is mounted on .*backup already/u);
  const stopped = await bench.disappear(second);
  t.match(stopped.stderr, /unmounted from .*backup-2/u);
  t.same(readdirSync(bench.systemRoot), ['backup'], 'what was made is removed');

  bench.active(1000, 'greeter');
  t.equal(await mounted(t, bench, second, label), join(bench.systemRoot, 'backup-2'), 'a greeter is nobody');
});

t.test('two at the same moment, of the same name', { skip }, async (t) => {
  const bench = benchFor(t);
  const sticks = [await bench.stick(t), await bench.stick(t), await bench.stick(t)];
  const outcomes = await Promise.all(sticks.map((stick) => bench.appear(stick, { ID_FS_LABEL_ENC: 'twin' })));
  for (const { status, stderr } of outcomes) t.equal(status, 0, stderr);
  const targets = mountsIn(bench.systemRoot).map(({ target }) => target);
  t.equal(new Set(targets).size, sticks.length, `each has a directory of its own: ${targets.join(', ')}`);
});

t.test('names that lead elsewhere', { skip }, async (t) => {
  const bench = benchFor(t);
  mkdirSync(bench.systemRoot);
  writeFileSync(join(bench.systemRoot, 'taken'), '');
  await run('ln', ['-s', '/etc', join(bench.systemRoot, 'link')]);
  mkdirSync(join(bench.systemRoot, 'full'));
  writeFileSync(join(bench.systemRoot, 'full', 'file'), '');
  const stick = await bench.stick(t);
  for (const [label, name] of [
    ['..\\x2f..\\x2fetc', '___.._etc'],
    ['\\x1b[31mred\\x0a', '_[31mred_'],
    ['taken', 'taken-2'],
    ['link', 'link-2'],
    ['full', 'full-2'],
  ] as const) {
    t.equal(await mounted(t, bench, stick, { ID_FS_LABEL_ENC: label }), join(bench.systemRoot, name), JSON.stringify(label));
    t.equal((await bench.disappear(stick)).status, 0);
  }
  t.same(readdirSync(bench.systemRoot).sort(), ['full', 'link', 'taken'], 'what was there stays as it was');
});

t.test('a damaged filesystem', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t, [], async (image) => void (await debugfs(image, ['set_super_value state 3'], true)));
  const before = readFileSync(stick.image);
  const { stderr } = await bench.appear(stick);
  t.match(stderr, /mounted on .* read-only$/mu);
  t.match(stderr, /mounted read-only, because it is marked as damaged: run e2fsck/u, 'and the journal says why');
  t.match(bench.record(stick), { state: 'mounted', readOnly: true });
  t.ok(mountsIn(bench.systemRoot)[0]?.options.includes('ro'));
  t.equal((await bench.disappear(stick)).status, 0);
  await released(stick.node);
  t.ok(readFileSync(stick.image).equals(before), 'it is as it was');

  bench.policy({ rules: [{ match: { bus: 'usb' }, options: ['damaged=rw'] }] });
  await mounted(t, bench, stick);
  t.match(bench.record(stick), { readOnly: false }, 'the policy can say otherwise');
});

t.test('a disk that wants another device', { skip }, async (t) => {
  const bench = benchFor(t);
  const journal = await bench.stick(t, ['-b', '1024', '-O', 'journal_dev']);
  const stick = await bench.stick(t, ['-b', '1024', '-J', `device=${journal.node}`]);
  t.match((await bench.appear(stick)).stderr, /not mounted .*its journal on another device; name it in a rule/u, 'gets none by itself');
  bench.policy({ rules: [{ match: { bus: 'usb' }, options: [`journal_path=${journal.node}`] }] });
  await mounted(t, bench, stick);
  t.match(bench.record(stick), { readOnly: false }, 'and the one that the policy names');
  await bench.disappear(stick);
});

t.test('pulled out while somebody writes', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t);
  const target = await mounted(t, bench, stick);
  const writer = spawn('sh', ['-c', 'exec 3>"$0/file"; echo open; read line; echo late >&3', target], { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(writer.stdout, 'data');
  const { status, stderr } = await bench.disappear(stick, 'pulled out');
  t.equal(status, 0);
  t.match(stderr, /^\S*loop\d+: pulled out while mounted on \S+: unmounted; what had not been written yet is lost$/mu);
  t.same(mountsIn(bench.directory), [], 'nobody sees it any more');
  t.notOk(existsSync(target));
  const left = once(writer, 'exit');
  writer.stdin.end('\n');
  await left;
  await released(stick.node);
  t.equal(await e2fsckComplaints(stick.image), undefined, 'with the last who used it, the server has ended');
});

t.test('stopped while somebody reads', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t);
  const target = await mounted(t, bench, stick);
  const reader = spawn('sh', ['-c', 'cd "$0"; echo in; read line', target], { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(reader.stdout, 'data');
  const { stderr } = await bench.disappear(stick);
  t.match(stderr, /is in use: nobody sees it any more/u);
  t.same(mountsIn(bench.directory), []);
  const left = once(reader, 'exit');
  reader.stdin.end();
  await left;
  await released(stick.node);
});

t.test('what the policy says', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t);
  const root = join(bench.directory, 'disks');
  bench.policy({
    rules: [
      { match: { label: ['secret*', 'mine'] }, ignore: true },
      { match: { uuid: 'ABCD-*', size: { min: '4M', max: '16M' }, partitionType: '0x83' }, readOnly: true, options: ['noatime', 'exec'], owner: ALICE, root },
      { match: { bus: 'ata', removable: false }, owner: ALICE },
      { match: { uuid: 'abcd-*', size: { min: '1G' } }, ignore: true },
    ],
  });
  const about = { ID_FS_UUID: 'abcd-1', ID_PART_ENTRY_TYPE: '0x83', ID_FS_LABEL_ENC: 'data' };
  t.match((await bench.appear(stick, { ...about, ID_FS_LABEL_ENC: 'secret\\x201' })).stderr, /left alone: the policy says so: rules\[0\]/u);
  t.match(bench.record(stick), { state: 'ignored' });

  t.equal(await mounted(t, bench, stick, about), join(root, 'data'));
  const [mount] = mountsIn(root);
  for (const option of ['ro', 'noatime', 'nosuid', 'nodev', `user_id=${ALICE}`]) t.ok(mount?.options.includes(option), option);
  t.notOk(mount?.options.includes('noexec'), 'caution that the policy takes back');
  await bench.disappear(stick);

  const internal = await mounted(t, bench, stick, { ...about, ID_PART_ENTRY_TYPE: '0x05', ID_BUS: 'ata' });
  t.equal(internal, join(bench.userRoot, String(ALICE), 'data'), 'not removable, but a rule is about it');
  t.equal(statSync(join(bench.userRoot, String(ALICE))).uid, 0);
  await bench.disappear(stick);
});

t.test('left alone', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t);
  const because = async (properties: Readonly<Record<string, string>>): Promise<string> => (await bench.appear(stick, properties)).stderr;
  t.match(await because({ ID_BUS: 'ata' }), /left alone: it is not removable/u);
  t.match(await because({ FUSE4FS_AUTOMOUNT: '0' }), /left alone: a rule of udev says/u);
  t.match(await because({ ID_FS_TYPE: 'vfat' }), /left alone: its filesystem is vfat/u);
  t.match(await because({ ID_FS_TYPE: '' }), /left alone: udev sees no filesystem/u);
  for (const source of [stick.node, 'UUID=ABCD-1', 'LABEL="data"', 'LABEL=data']) {
    bench.fstab(`# a comment\n${source} /mnt ext4 noauto 0 0\n`);
    t.match(await because({ ID_FS_UUID: 'abcd-1', ID_FS_LABEL_ENC: 'data' }), /left alone: \S+fstab has it/u, source);
  }
  bench.fstab('');
  t.same(mountsIn(bench.directory), []);
  t.equal(await mounted(t, bench, stick, { ID_BUS: '', FUSE4FS_AUTOMOUNT: '1', ID_FS_UUID: 'abcd-1' }), join(bench.systemRoot, 'abcd-1'), 'a rule of udev can add what is not removable; without a label, the UUID names it');
});

t.test('what cannot be mounted is said', { skip }, async (t) => {
  const bench = benchFor(t);
  const stick = await bench.stick(t, [], async (image) => void (await run('dd', ['if=/dev/zero', `of=${image}`, 'bs=1k', 'count=4', 'conv=notrunc', 'status=none'])));
  const { status, stderr } = await bench.appear(stick);
  t.equal(status, 32);
  t.match(stderr, /not mounted \(NOT_EXT4\): /u);
  t.match(bench.record(stick), { state: 'failed', code: 'NOT_EXT4' });
  t.same(readdirSync(bench.systemRoot), [], 'no directory stays');
  t.equal((await bench.disappear(stick)).status, 0);
  t.equal(bench.record(stick), undefined);

  for (const [policy, complaint] of [
    ['{', /automount\.json: is not JSON/u],
    [{ rules: [{ match: { busses: 'usb' } }] }, /automount\.json: unknown key rules\[0\]\.match\.busses/u],
    [{ rules: [{ match: {}, options: ['nosuchoption'] }] }, /automount\.json: rules\[0\]\.options\[0\]: unknown option 'nosuchoption'/u],
    [{ rules: [{ match: {}, root: '../etc' }] }, /automount\.json: rules\[0\]\.root: is not an absolute path/u],
    [{ rules: [{ match: { size: { min: 'big' } } }] }, /automount\.json: rules\[0\]\.match\.size\.min: /u],
    [{ rules: [{ match: { bus: 'usb' }, owner: 'no-such-user' }] }, /there is no user no-such-user/u],
  ] as const) {
    bench.policy(policy);
    const refused = await bench.appear(stick);
    t.match(refused.stderr, complaint);
    t.equal(refused.status, 2);
  }
  t.same(mountsIn(bench.directory), []);
  bench.policy({});
  const nothing = await bench.appear({ ...stick, name: '../loop0' });
  t.equal(nothing.status, 1, 'no path instead of a name');
});
