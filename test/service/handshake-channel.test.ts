import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Channel, MAX_DESCRIPTORS, MAX_PACKET } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors, setCloseOnExec } from '../../protocol/seqpacket/descriptors.js';
import { Listener } from '../../protocol/seqpacket/listener.js';
import { openDescriptors } from './handshake-process.js';
import { sendUnchecked } from './handshake-raw.js';

const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-channel-'));
t.teardown(() => rmSync(directory, { recursive: true }));

const seqpacketError = (code: string, more: object = {}) => ({ name: 'SeqpacketError', code, ...more });
const closeOnExec = (fd: number) =>
  (parseInt(/^flags:\s*(\d+)/mu.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8) & 0o2000000) !== 0;
/** A null device under so many descriptors. */
const nulls = (count: number) => Array.from({ length: count }, () => openSync('/dev/null', 'r'));

/** Runs with both ends of a pair, and sees to it that nothing is open afterwards. */
const withPair = (what: string, run: (t: Test, a: Channel, b: Channel) => void) =>
  t.test(what, (t) => {
    const before = openDescriptors();
    const [a, b] = Channel.pair();
    run(t, a, b);
    a.close();
    b.close();
    t.equal(openDescriptors(), before, 'no descriptor is left open');
    t.end();
  });

withPair('packets keep their borders, up to the limit', (t, a, b) => {
  const sizes = [1, 0, 4096, MAX_PACKET];
  for (const size of sizes) a.send(Buffer.alloc(size, size & 0xff), [], 0);
  for (const size of sizes) t.same(Buffer.from(b.receive(0).bytes), Buffer.alloc(size, size & 0xff));
  t.throws(() => a.send(Buffer.alloc(MAX_PACKET + 1), [], 0), seqpacketError('TOO_LONG'));
});

withPair('descriptors arrive close-on-exec, and the sender keeps its own', (t, a, b) => {
  const sent = [openSync('/dev/zero', 'r'), ...nulls(MAX_DESCRIPTORS - 1)];
  a.send(Buffer.from('x'), sent, 0);
  const { descriptors } = b.receive(0);
  t.same(descriptors.map((fd) => fstatSync(fd).rdev), sent.map((fd) => fstatSync(fd).rdev), 'in order');
  t.ok(descriptors.every(closeOnExec));
  t.throws(() => a.send(Buffer.from('x'), [...sent, sent[0] ?? -1], 0), seqpacketError('TOO_MANY_DESCRIPTORS'));
  closeDescriptors([...sent, ...descriptors]);
});

withPair('too long a packet, or too many descriptors: refused, and everything closed', (t, a, b) => {
  const sent = nulls(MAX_DESCRIPTORS + 1);
  sendUnchecked(a, Buffer.alloc(MAX_PACKET + 1), sent.slice(0, 3));
  t.throws(() => b.receive(0), seqpacketError('TOO_LONG'));
  sendUnchecked(a, Buffer.from('x'), sent);
  t.throws(() => b.receive(0), seqpacketError('TOO_MANY_DESCRIPTORS'));
  a.send(Buffer.from('still in step'), [], 0);
  t.equal(Buffer.from(b.receive(0).bytes).toString(), 'still in step');
  closeDescriptors(sent);
});

withPair('an empty packet is not the end', (t, a, b) => {
  const [fd = -1] = nulls(1);
  a.send(new Uint8Array(0), [fd], 0);
  const { bytes, descriptors } = b.receive(0);
  t.equal(bytes.length, 0);
  t.equal(descriptors.length, 1);
  closeDescriptors([fd, ...descriptors]);
  a.close();
  t.throws(() => b.receive(1000), seqpacketError('CLOSED'));
  t.throws(() => b.send(Buffer.from('x'), [], 1000), seqpacketError('CLOSED'));
});

withPair('what a peer said before it left is heard, though it did not read all it was sent', (t, a, b) => {
  b.send(Buffer.from('unread'), [], 0);
  a.send(Buffer.from('last words'), [], 0);
  a.close();
  t.equal(Buffer.from(b.receive(0).bytes).toString(), 'last words');
  t.throws(() => b.receive(0), seqpacketError('CLOSED'));
});

withPair('waiting ends in time, in both directions', (t, a, b) => {
  const started = performance.now();
  t.throws(() => b.receive(50), seqpacketError('TIMEOUT'));
  t.ok(performance.now() - started >= 50);
  t.throws(() => {
    for (;;) a.send(Buffer.alloc(MAX_PACKET), [], 20);
  }, seqpacketError('TIMEOUT'), 'a full queue');
  b.receive(0);
  a.send(Buffer.from('room again'), [], 0);
});

withPair('a closed end says so', (t, a) => {
  a.close();
  a.close();
  t.throws(() => a.receive(0), seqpacketError('CLOSED'));
  t.throws(() => a.send(Buffer.from('x'), [], 0), seqpacketError('CLOSED'));
});

withPair('failures of the system have their errno', (t, a) => {
  const [closed = -1] = nulls(1);
  closeSync(closed);
  t.throws(() => a.send(Buffer.from('x'), [closed], 0), seqpacketError('SYSTEM', { errno: 9, message: /EBADF/ }));
});

withPair('an end that refuses descriptors gets none', (t, a, b) => {
  const [fd = -1] = nulls(1);
  if (b.refuseDescriptors()) {
    t.throws(() => a.send(Buffer.from('x'), [fd], 0), seqpacketError('SYSTEM', { message: /EPERM/ }));
    t.equal(b.isReadable(), false);
  } else {
    t.pass('this kernel has no SO_PASSRIGHTS');
  }
  a.send(Buffer.from('x'), [], 0);
  t.equal(b.isReadable(), true);
  closeDescriptors([fd]);
});

withPair('a child inherits an end only when told', (t, a) => {
  const inherits = () => spawnSync('/bin/sh', ['-c', `test -e /proc/self/fd/${a.fd}`]).status === 0;
  t.ok(closeOnExec(a.fd));
  t.notOk(inherits());
  setCloseOnExec(a.fd, false);
  t.notOk(closeOnExec(a.fd));
  setCloseOnExec(a.fd, true);
  t.ok(closeOnExec(a.fd));
});

t.test('signals do not cut a wait short', async (t) => {
  const [a, b] = Channel.pair();
  let signals = 0;
  // To the end of the process: the last signal may be on its way when its sender is gone.
  process.on('SIGUSR2', () => signals++);
  const child = spawn('/bin/sh', ['-c', 'for i in 1 2 3 4 5 6 7 8 9; do kill -USR2 $PPID; done'], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const heard = once(process, 'SIGUSR2');
  const started = performance.now();
  t.throws(() => a.receive(200), seqpacketError('TIMEOUT'));
  t.ok(performance.now() - started >= 200);
  // Handlers run only when the thread is free again, which can be after the child's end.
  await Promise.all([exited, heard]);
  t.ok(signals > 0, `${signals} signals`);
  a.close();
  b.close();
});

t.test('listen, connect, accept', (t) => {
  const before = openDescriptors();
  const path = join(directory, 'socket');
  const listener = Listener.bind(path);
  t.throws(() => listener.accept(0), seqpacketError('TIMEOUT'));
  const client = Channel.connect(path, 1000);
  const server = listener.accept(1000);
  t.ok([listener.fd, client.fd, server.fd].every(closeOnExec));
  t.same(server.peer(), { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  client.send(Buffer.from('hello'), [], 1000);
  t.equal(Buffer.from(server.receive(1000).bytes).toString(), 'hello');
  for (const end of [listener, client, server]) end.close();
  t.throws(() => Channel.connect(path, 100), seqpacketError('SYSTEM', { message: /ECONNREFUSED/ }));
  t.throws(() => Listener.bind(path), seqpacketError('SYSTEM', { message: /EADDRINUSE/ }));
  t.throws(() => Channel.connect(join(directory, 'none'), 100), seqpacketError('SYSTEM', { message: /none: ENOENT/ }));
  t.throws(() => Channel.connect(`/${'x'.repeat(107)}`, 100), seqpacketError('SYSTEM', { message: /ENAMETOOLONG/ }));
  t.throws(() => Listener.bind(''), seqpacketError('SYSTEM', { message: /EINVAL/ }));
  t.equal(openDescriptors(), before);
  t.end();
});

t.test('connecting to a busy listener ends in time', (t) => {
  const listener = Listener.bind(join(directory, 'busy'), 0);
  const waiting: Channel[] = [];
  t.throws(() => {
    for (;;) waiting.push(Channel.connect(join(directory, 'busy'), 50));
  }, seqpacketError('TIMEOUT'));
  for (const end of [listener, ...waiting]) end.close();
  t.end();
});

t.test('only a seqpacket socket can be adopted', (t) => {
  const [fd = -1] = nulls(1);
  t.throws(() => Channel.adopt(fd), seqpacketError('NOT_SEQPACKET'));
  t.throws(() => Channel.adopt(12345), seqpacketError('NOT_SEQPACKET'));
  closeDescriptors([fd]);
  t.end();
});
