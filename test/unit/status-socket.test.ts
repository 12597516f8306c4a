import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { listenForStatus } from '../../helper/mount/status-listener.js';
import { StatusConnection } from '../../helper/mount/status-client.js';
import { StatusSocket } from '../../server/status/status-socket.js';
import type { ExitEvent, StatusReport } from '../../server/status/report.js';

/** A listening socket as the helper passes it, and a caller whom nobody has answered yet. */
function called(t: Test): { readonly descriptor: number; readonly caller: StatusConnection } {
  const listener = listenForStatus(t.testdir(), '0:4711');
  if (listener === undefined) throw new Error('no socket in the test directory');
  const caller = StatusConnection.open(listener.path, 10_000);
  if (typeof caller === 'string') throw new Error(`no connection: ${caller}`);
  t.teardown(() => caller.close());
  return { descriptor: listener.descriptor, caller };
}

const noReport = (): StatusReport => {
  throw new Error('nobody asks in this test');
};
const noRemount = (): void => undefined;
const giveUp = (): boolean => false;

t.test('who called just before the end hears it', async (t) => {
  const { descriptor, caller } = called(t);
  const event: ExitEvent = { event: 'exit', ok: false, error: 'the last block could not be written' };
  await new StatusSocket(descriptor, noReport, noRemount).end(event);
  t.same(caller.goodbye(giveUp), event);
});

t.test('and so does who called while another message was handled', async (t) => {
  const { descriptor, caller } = called(t);
  const socket = new StatusSocket(descriptor, noReport, noRemount);
  const event: ExitEvent = { event: 'exit', ok: true };
  const { port1, port2 } = new MessageChannel();
  port1.postMessage('ended');
  await once(port2, 'message');
  await socket.end(event);
  port1.close();
  t.same(caller.goodbye(giveUp), event);
});

t.test('a mount that fails leaves the socket of whoever got its number', async (t) => {
  const directory = t.testdir();
  const failing = listenForStatus(directory, '0:4711');
  const next = listenForStatus(directory, '0:4711');
  failing?.discard();
  t.ok(next !== undefined && existsSync(next.path), 'the name is the next one’s by now');
  next?.discard();
  t.notOk(existsSync(next?.path ?? ''), 'its own it removes');
});
