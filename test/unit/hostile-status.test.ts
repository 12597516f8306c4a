/** Who asks a server for its status, or waits for its end, is not at its mercy: it may have been taken over. */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { StatusConnection } from '../../helper/mount/status-client.js';
import { scratchDirectory } from '../support/scratch.js';

const PATIENCE = 200;

/** Answers each connection, and then everything that comes, by JavaScript that sees it as `connection`. The asking thread blocks. */
async function hostile(t: Test, answer: string): Promise<StatusConnection> {
  const path = join(scratchDirectory(t, 'status'), 'socket');
  const program = `
    const { createServer } = require('node:net');
    const { parentPort, workerData } = require('node:worker_threads');
    const answer = new Function('connection', workerData.answer);
    createServer((connection) => { connection.on('error', () => connection.destroy()); answer(connection); }).listen(workerData.path, () => parentPort.postMessage('listening'));`;
  const worker = new Worker(program, { eval: true, workerData: { path, answer } });
  t.teardown(() => worker.terminate());
  await once(worker, 'message');
  const connection = StatusConnection.open(path, PATIENCE);
  if (typeof connection === 'string') throw new Error(connection);
  t.teardown(() => connection.close());
  return connection;
}

const TRICKLE = "setInterval(() => connection.write('x'), 20);";
const CHATTER = "const more = () => connection.write('{}\\n'.repeat(1000), () => setImmediate(more)); more();";

for (const [what, answer] of Object.entries({
  'says nothing': '',
  'says it letter by letter, for ever': TRICKLE,
  'begins a line that has no end': "const more = () => connection.write('x'.repeat(65536), () => setImmediate(more)); more();",
  'says what is no JSON': "connection.write('}\\n');",
  'says what is no report': "connection.write('{\"source\":1}\\n');",
  'nests without end': "connection.write('['.repeat(500000) + '\\n');",
  'hangs up': 'connection.destroy();',
})) {
  t.test(`asked for its status, it ${what}`, async (t) => {
    t.equal((await hostile(t, answer)).status(), undefined);
  });
}

for (const [what, answer] of Object.entries({ 'says nothing': '', 'says it letter by letter, for ever': TRICKLE, 'talks without end': CHATTER })) {
  t.test(`at its end, it ${what}`, async (t) => {
    let asked = 0;
    t.equal((await hostile(t, answer)).goodbye(() => ++asked < 3), 'given up');
    t.equal(asked, 3, 'who waits is asked now and then whether to go on');
  });
}
