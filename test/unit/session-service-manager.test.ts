import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import unixDgram from 'unix-dgram';
import { serviceManager } from '../../server/notify/service-manager.js';

const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-notify-'));
t.teardown(() => rmSync(directory, { recursive: true }));

t.test('messages arrive as sd_notify(3) says', async (t) => {
  const path = join(directory, 'socket');
  const received: string[] = [];
  let arrived = (): void => undefined;
  const receiver = unixDgram.createSocket('unix_dgram', (message) => {
    received.push(message.toString());
    arrived();
  });
  receiver.bind(path);
  t.teardown(() => receiver.close());

  const manager = await serviceManager({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) });
  t.teardown(() => manager.close());
  t.equal(manager.watchdogMilliseconds, 15_000);
  const four = new Promise<void>((resolve) => (arrived = () => received.length === 4 && resolve()));
  manager.ready('serving a on b');
  manager.status('a name\nREADY=1');
  manager.alive();
  manager.stopping('unmounted');
  await four;
  t.same(received, [
    'READY=1\nSTATUS=serving a on b',
    'STATUS=a name READY=1',
    'WATCHDOG=1',
    'STOPPING=1\nSTATUS=unmounted',
  ]);
});

t.test('no manager, no messages', async (t) => {
  for (const environment of [{}, { NOTIFY_SOCKET: '' }, { NOTIFY_SOCKET: '@abstract' }]) {
    const manager = await serviceManager(environment);
    manager.ready('x');
    manager.close();
    t.equal(manager.watchdogMilliseconds, undefined);
  }
});

t.test("another process's watchdog", async (t) => {
  const manager = await serviceManager({ NOTIFY_SOCKET: join(directory, 'nobody'), WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' });
  t.equal(manager.watchdogMilliseconds, undefined);
  manager.ready('nobody listens, and that is no error');
  manager.close();
});
