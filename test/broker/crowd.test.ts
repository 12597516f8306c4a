/** Many callers, and callers who say nothing: nobody else has to wait for them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { ALICE, asUser, BOB, isMounted, TestBroker } from '../support/broker.js';
import { cannotMount, missing } from '../support/machine.js';

const skip = cannotMount() || missing('setpriv');
const crowd = join(import.meta.dirname, '../support/broker-crowd.js');
const CONNECTIONS = 10_000;

t.test('ten thousand silent connections', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { image, target } = await broker.home(ALICE, 'alice');
  const child = spawn('sh', ['-c', `ulimit -n ${CONNECTIONS + 100}; exec "$@"`, 'sh', 'setpriv', ...asUser(BOB), process.execPath, crowd, broker.socket, String(CONNECTIONS)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const connected = once(child.stdout, 'data');
  const served = broker.fuse4fs(ALICE, image, target);
  const mounted = await served;
  t.equal(mounted.status, 0, `while they come: ${mounted.stderr}`);
  t.match(String(await connected), `${CONNECTIONS} connected`);
  await broker.mustRun(ALICE, 'touch', join(target, 'file'));
  const unmounted = await broker.fuse4fs(ALICE, 'umount', target);
  t.equal(unmounted.status, 0, `while they are there: ${unmounted.stderr}`);
  t.notOk(isMounted(target));
  t.match(broker.log, /uid 64002 pid \d+: turned away, too many connections wait already/u);
  t.ok(broker.log.split('\n').length < 200, 'the log is not flooded');
  const left = once(child, 'exit');
  child.stdin.end();
  await left;
});

t.test('more requests than one may make', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const answers = await broker.raw(BOB, [{ name: 'together', together: Array.from({ length: 60 }, (_, index) => ({ name: String(index), packet: 'ff' })) }]);
  const reasons = [...answers.values()].map(({ reason }) => reason);
  t.ok(reasons.includes('PROTOCOL'), 'some are heard');
  t.ok(reasons.includes('BUSY'), 'it is told to come later');
  const other = await broker.raw(ALICE, [{ name: 'other', packet: 'ff' }]);
  t.equal(other.get('other')?.reason, 'PROTOCOL', 'others are heard');
});
