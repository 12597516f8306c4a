/** A user without rights mounts, uses and unmounts an image through the broker. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ALICE, asUser, BOB, isMounted, TestBroker } from '../support/broker.js';
import { run } from '../support/command.js';
import { e2fsckComplaints } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';

const skip = cannotMount() || missing('setpriv');

t.test('mount, use, status, umount', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice');

  const mounted = await broker.fuse4fs(ALICE, '--json', image, target);
  t.equal(mounted.status, 0, mounted.stderr + mounted.stdout.toString());
  const { result } = JSON.parse(mounted.stdout.toString()) as { result: Record<string, unknown> };
  t.match(result, { source: image, target, mounted: true, readOnly: false });
  t.ok(isMounted(target));
  const table = await broker.mustRun(ALICE, 'findmnt', '-no', 'FSTYPE,OPTIONS', target);
  t.match(table, /^fuse\.fuse4fs .*nosuid,nodev.*user_id=64001,group_id=64001/u);
  t.notMatch(table, /allow_other/u);
  t.equal(await broker.mustRun(ALICE, 'sh', '-c', `echo mine > ${target}/file && cat ${target}/file`), 'mine\n');
  t.equal(statSync(join(broker.mounts, `${String(result['device'])}.sock`)).uid, ALICE, 'the status socket says whose it is');
  t.match((await broker.fuse4fs(ALICE, 'status')).stdout.toString(), /server +process \d+/u);
  t.not((await broker.as(BOB, 'ls', target)).status, 0, 'nobody else may look into it');

  const foreign = await broker.fuse4fs(BOB, 'umount', target);
  t.equal(foreign.status, 1);
  t.match(foreign.stderr, /was mounted by another user/u);
  t.ok(isMounted(target));

  const busy = await broker.as(ALICE, 'sh', '-c', `cd ${target} && ${process.execPath} ${join(import.meta.dirname, '../../cli/fuse4fs.cjs')} umount ${target}`);
  t.equal(busy.status, 32);
  t.match(busy.stderr, /target is busy/u);

  const unmounted = await broker.fuse4fs(ALICE, 'umount', '--json', target);
  t.equal(unmounted.status, 0, unmounted.stderr + unmounted.stdout.toString());
  t.match(JSON.parse(unmounted.stdout.toString()), { result: { serverEnded: true } }, 'it returns when the server has finished');
  t.notOk(isMounted(target));
  t.equal(await e2fsckComplaints(image), undefined);
  t.match(broker.log, new RegExp(`^uid 64001 pid \\d+: mounted ${image} on ${target}, device`, 'mu'));
  t.match(broker.log, /^uid 64002 pid \d+: refused \(PERMISSION\)/mu);
});

t.test('a block device, an external journal', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { directory, target } = await broker.home(ALICE, 'alice');
  const journal = join(directory, 'journal.img');
  const image = join(directory, 'outside.img');
  await run('truncate', ['-s', '8M', journal, image]);
  await run('mke2fs', ['-q', '-F', '-O', 'journal_dev', '-b', '1024', journal]);
  const loops = [journal, image].map((file) => execFileSync('losetup', ['-f', '--show', file], { encoding: 'utf8' }).trim());
  t.teardown(() => loops.forEach((loop) => execFileSync('losetup', ['-d', loop])));
  const [journalLoop = '', loop = ''] = loops;
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', '-J', `device=${journalLoop}`, '-E', `root_owner=${ALICE}:${ALICE}`, loop]);

  const closed = await broker.fuse4fs(ALICE, loop, target);
  t.match(closed.stderr, /cannot open \/dev\/loop\d+/u, 'a device that one may not open stays closed');
  for (const path of [...loops, journal]) chownSync(path, ALICE, 0);
  t.teardown(() => loops.forEach((path) => chownSync(path, 0, 0)));
  t.match((await broker.fuse4fs(ALICE, loop, target)).stderr, /keeps its journal on another device/u, 'what was not handed over is not looked for');
  const mounted = await broker.fuse4fs(ALICE, loop, target, '-o', `journal_path=${journalLoop}`);
  t.equal(mounted.status, 0, mounted.stderr);
  t.match(await broker.mustRun(ALICE, 'findmnt', '-no', 'FSTYPE,SOURCE,OPTIONS', target), new RegExp(`^fuseblk\\.fuse4fs +${loop} +rw,nosuid,nodev`, 'u'));
  await broker.mustRun(ALICE, 'touch', join(target, 'file'));
  t.equal((await broker.fuse4fs(ALICE, 'umount', target)).status, 0);
});

t.test('in the foreground', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice');
  const child = spawn('setpriv', [...asUser(ALICE), 'env', `FUSE4FS_HELPER=${broker.socket}`, process.execPath, fuse4fs, '-f', '-v', image, target], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.match(String((await once(child.stdout, 'data'))[0]), /mounted on/u);
  const gone = once(child, 'exit');
  child.kill('SIGINT');
  t.same(await gone, [0, null], 'Ctrl-C unmounts');
  t.notOk(isMounted(target));
});

t.test('a socket on which nobody listens any more', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice');
  await broker.stop();
  const { status, stderr } = await broker.fuse4fs(ALICE, image, target);
  t.notMatch(stderr, /the broker/u, 'fusermount3 is asked');
  if (status === 0) await broker.fuse4fs(ALICE, 'umount', target);
  t.notOk(isMounted(target));
});
