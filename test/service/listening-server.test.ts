/** A server that waits for its helper: whom it takes for one, and what is left of it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { attempt } from '../support/command.js';
import { projectRoot } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = process.getuid?.() !== 0 && 'acting as another user needs root';
const STRANGER = 12345;
const LOOK_MILLISECONDS = 20;

function listen(t: Test, path: string): ChildProcess {
  const server = spawn(process.execPath, [join(projectRoot, 'dist/server/main.cjs'), `--listen=${path}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => server.kill('SIGKILL'));
  return server;
}

const waits = async (path: string): Promise<void> => {
  while (!(existsSync(path) && statSync(path).isSocket() && (statSync(path).mode & 0o777) === 0o600)) await delay(LOOK_MILLISECONDS);
};

/** Connects as that user, and tells what it hears. */
const CALLER = `
import { Channel } from '${join(projectRoot, 'dist/protocol/seqpacket/channel.js')}';
try {
  const channel = Channel.connect(process.argv[1], 60_000);
  channel.receive(60_000);
} catch (error) {
  console.log(error.code, error.errno);
}`;
const callAs = async (uid: number, path: string): Promise<string> =>
  (await attempt(process.execPath, ['--input-type=module', '--eval', CALLER, path], { uid, gid: uid })).stdout.toString().trim();

t.test('a server that waits', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'listen');
  chmodSync(directory, 0o755);
  const path = join(directory, 'server.sock');
  const killed = listen(t, path);
  await waits(path);
  t.equal(await callAs(STRANGER, path), 'SYSTEM 13', 'nobody else can connect');
  chmodSync(path, 0o666);
  t.match(await callAs(STRANGER, path), /^CLOSED/u, 'or, where the socket lets them, is listened to');
  const gone = once(killed, 'exit');
  killed.kill('SIGKILL');
  await gone;
  t.equal(existsSync(path), true, 'its socket stays');

  chmodSync(path, 0o666);
  const stopped = listen(t, path);
  await waits(path);
  stopped.kill('SIGTERM');
  t.same(await once(stopped, 'exit'), [0, null], 'the next one replaces it, and stops when it is told to');
});

t.test('what is in its place is no socket', async (t) => {
  const directory = scratchDirectory(t, 'listen');
  const [file, link] = [join(directory, 'file'), join(directory, 'link')];
  writeFileSync(file, 'kept');
  symlinkSync(file, link);
  for (const path of [file, link, join(directory, 'missing', 'server.sock'), `/${'x'.repeat(200)}`]) {
    const server = listen(t, path);
    t.same(await once(server, 'exit'), [2, null], `${path} is refused`);
  }
  t.equal(statSync(file).size, 4, 'and left as it is');
});
