/** What a user could try to become more than that: images with devices and set-user-ID programs, and names that change meanwhile. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ALICE, asUser, isMounted, TestBroker } from '../support/broker.js';
import { run } from '../support/command.js';
import { cannotMount, missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = cannotMount() || missing('setpriv');
const cli = join(import.meta.dirname, '../../cli/fuse4fs.cjs');

t.test('set-user-ID programs and devices in an image', { skip }, async (t) => {
  const contents = scratchDirectory(t, 'hostile');
  copyFileSync('/usr/bin/id', join(contents, 'id'));
  chmodSync(join(contents, 'id'), 0o6755);
  await run('mknod', ['-m', '666', join(contents, 'null'), 'c', '1', '3']);
  await run('mknod', ['-m', '666', join(contents, 'disk'), 'b', '7', '0']);
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice', { from: contents });
  for (const option of ['suid', 'dev', 'context=system_u:object_r:tmp_t:s0', 'remount', 'server=/tmp/x', 'journal_dev=1', 'iomap=on', 'allow_other']) {
    const refused = await broker.raw(ALICE, [{ name: option, mount: { source: { path: image }, mountPoint: { path: target }, options: [option] } }]);
    t.match(refused.get(option), { type: 'refusal', reason: 'POLICY' }, `${option}: ${refused.get(option)?.message}`);
  }
  await broker.mustRun(ALICE, process.execPath, cli, image, target);
  t.equal(await broker.mustRun(ALICE, join(target, 'id'), '-u'), `${ALICE}\n`, 'a program of root’s runs with the rights of who runs it');
  for (const name of ['null', 'disk']) {
    const { status, stderr } = await broker.as(ALICE, 'cat', join(target, name));
    t.not(status, 0);
    t.match(stderr, /Permission denied/u, `${name} is no device`);
  }
  await broker.mustRun(ALICE, process.execPath, cli, 'umount', target);
});

t.test('a mount point that becomes a link to /etc and back', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { directory, image, target } = await broker.home(ALICE, 'alice');
  const [swapped, link] = [join(directory, 'swapped'), join(directory, 'link')];
  mkdirSync(swapped);
  chownSync(swapped, ALICE, ALICE);
  symlinkSync('/etc', link);
  const swapping = spawn('setpriv', [...asUser(ALICE), 'sh', '-c', `while :; do mv -T ${swapped} ${directory}/kept 2>/dev/null && mv -T ${link} ${swapped} && mv -T ${swapped} ${link} && mv -T ${directory}/kept ${swapped}; done`], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => swapping.kill('SIGKILL'));
  const outcomes = new Set<string>();
  for (let round = 0; round < 6; round++) {
    const { status, stderr } = await broker.fuse4fs(ALICE, image, swapped);
    outcomes.add(status === 0 ? 'mounted' : stderr);
    t.notOk(isMounted('/etc'), 'not on /etc');
    // Where mv(1) looks at it just then, it is busy, and goes the next time.
    for (const place of [swapped, join(directory, 'kept')]) if (isMounted(place)) await broker.fuse4fs(ALICE, 'umount', place);
  }
  t.comment([...outcomes].join(''));
  // Closed by the last one that has it: the mv(1) of that moment.
  const gone = once(swapping.stdout, 'close');
  swapping.stdout.resume();
  swapping.kill('SIGKILL');
  await gone;
  for (const place of [swapped, join(directory, 'kept')]) {
    if (isMounted(place)) await broker.mustRun(ALICE, process.execPath, cli, 'umount', place);
    t.notOk(isMounted(place));
  }
  t.equal((await broker.fuse4fs(ALICE, image, target)).status, 0, 'the image is free again');
  await broker.mustRun(ALICE, process.execPath, cli, 'umount', target);
});
