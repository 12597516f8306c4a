/** The server's end of libfuse's dialect. The other end is a script: all that it will say is sent in advance. */
import { closeSync, fstatSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { encodeArguments } from '../../protocol/libfuse/argument-list.js';
import { decode, encode, type Packet } from '../../protocol/libfuse/packets.js';
import { ServerEnd } from '../../protocol/libfuse/server-end.js';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { scratchDirectory } from '../support/scratch.js';
import { openDescriptors } from './handshake-process.js';

const directory = scratchDirectory(t, 'libfuse-server-end');
const list = join(directory, 'argv');
writeFileSync(list, encodeArguments(['fuse4fs', '/d', '/m', '-o', 'ro']));

/** A packet, or bytes in hexadecimal, and paths of files whose descriptors come with it. */
type Said = readonly [what: Packet | string, ...files: string[]];

const HELLO: Said = [{ type: 'hello', minVersion: 1, maxVersion: 1, flags: 3 }];
const ARGV: Said = [{ type: 'file', error: 0, path: 'argv' }, list];
const FUSEDEV: Said = [{ type: 'file', error: 0, path: 'fusedev' }, '/dev/fuse'];
const OPENING = [HELLO, ARGV, FUSEDEV];
const OK: Said = [{ type: 'reply', error: 0 }];

const bytesOf = (what: Packet | string): Uint8Array => (typeof what === 'string' ? Buffer.from(what.replaceAll(' ', ''), 'hex') : encode(what));

/** Runs with a helper that says all this and then leaves, and sees to it that no descriptor is left. @returns what it was told */
function withHelper(t: Test, script: readonly Said[], run: (channel: Channel) => void, stays = false): string[] {
  const before = openDescriptors();
  const [ours, theirs] = Channel.pair();
  for (const [what, ...files] of script) {
    const descriptors = files.map((path) => openSync(path, path === '/dev/fuse' ? 'r+' : 'r'));
    theirs.send(bytesOf(what), descriptors, 1000);
    descriptors.forEach((fd) => closeSync(fd));
  }
  const heard: string[] = [];
  const hear = (): void => {
    while (theirs.isReadable()) {
      try {
        heard.push(Buffer.from(theirs.receive(0).bytes).toString('hex'));
      } catch {
        return;
      }
    }
  };
  // Half-closed: what it said is still to be read, and nothing follows.
  if (!stays) leaveUnread(theirs);
  try {
    run(ours);
  } finally {
    hear();
    ours.close();
    theirs.close();
  }
  t.equal(openDescriptors(), before, 'no descriptor is left open');
  return heard;
}

/** An empty record, which is what the dialect takes for the end. */
const leaveUnread = (channel: Channel): void => channel.send(new Uint8Array(), [], 0);

interface Wanted {
  readonly name?: string;
  readonly code?: string;
  readonly structure?: string;
  readonly place?: string;
  readonly value?: string | number;
  readonly errno?: number;
}

function throwsLike(t: Test, act: () => unknown, wanted: Wanted, what: string): void {
  try {
    act();
    t.fail(what);
  } catch (error) {
    t.match(error, wanted, what);
  }
}

const accepted = (channel: Channel): ServerEnd => ServerEnd.accept(channel, 1000);

t.test('the order of a mount, byte for byte', (t) => {
  const script: Said[] = [
    ...OPENING,
    [{ type: 'file', error: 13, path: '/d' }],
    [{ type: 'file', error: 0, path: '/d' }, '/dev/null'],
    OK, OK, OK, OK, OK, OK,
  ];
  const heard = withHelper(t, script, (channel) => {
    const end = accepted(channel);
    t.same(end.arguments, ['fuse4fs', '/d', '/m', '-o', 'ro']);
    t.ok(end.mayAllowOther && end.mayUseFuseblk);
    t.equal(fstatSync(end.fuse).rdev, 10 * 256 + 229);
    t.throws(() => end.open('/d', { openFlags: 2, quiet: true }), { name: 'RequestRefusedError', request: 'OPEN', errno: 13, message: /EACCES/ });
    const device = end.open('/d', { openFlags: 0, blockDevice: true });
    t.equal(fstatSync(device).rdev, statSync('/dev/null').rdev);
    closeSync(device);
    end.finishOpening();
    end.fsopen(true);
    end.source('/d');
    end.mountPoint('/m', 0o40000);
    end.options('allow_other');
    end.tableOptions('x-a');
    end.mount(6);
    end.goodbye(true);
    t.notOk(end.isOpen);
    end.goodbye(false);
    closeSync(end.fuse);
  });
  t.same(heard, [
    '4c41535400010000',
    '4f50454e00000002000000000000000100000000 2f6400',
    '424445560000000000000000 0000000000000000 2f6400',
    '54595045 00000001',
    '4e414d45 2f6400',
    '4d4e5450 40000000 2f6d00',
    '4f505453 616c6c6f775f6f7468657200',
    '4d544142 782d6100',
    '444f4954 00000006',
    '42594545 00000000',
  ].map((text) => text.replaceAll(' ', '')));
  t.end();
});


t.test('flags of the hello', (t) => {
  for (const flags of [0, 1, 2]) {
    withHelper(t, [[{ type: 'hello', minVersion: 1, maxVersion: 9, flags }], ARGV, FUSEDEV], (channel) => {
      const end = accepted(channel);
      t.same([end.mayAllowOther, end.mayUseFuseblk], [flags === 1, flags === 2]);
      closeSync(end.fuse);
    });
  }
  t.end();
});

t.test('a bad beginning', (t) => {
  const big = join(directory, 'big');
  writeFileSync(big, Buffer.alloc((1 << 20) + 1));
  const empty = join(directory, 'empty');
  writeFileSync(empty, '');
  const lying = join(directory, 'lying');
  writeFileSync(lying, Buffer.from('415247530000000100000010ffffffff6100', 'hex'));
  const cases: readonly (readonly [what: string, script: readonly Said[], error: Wanted])[] = [
    ['nothing', [], { code: 'CLOSED' }],
    ['another packet', [[{ type: 'goodbye', exitCode: 0 }]], { code: 'UNEXPECTED' }],
    ['an unknown packet', [['554d4e54']], { code: 'MALFORMED', structure: 'packet', place: 'magic' }],
    ['a short hello', [['53414654 0001 0001']], { code: 'MALFORMED', structure: 'SAFT', place: 'size', value: 8 }],
    ['a long hello', [['53414654 0001 0001 00000000 00']], { code: 'MALFORMED', structure: 'SAFT', place: 'size', value: 13 }],
    ['an empty range', [['53414654 0002 0001 00000000']], { code: 'MALFORMED', structure: 'SAFT', place: 'min_version', value: 2 }],
    ['versions too new', [['53414654 0002 0009 00000000']], { code: 'VERSION' }],
    ['versions too old', [['53414654 0000 0000 00000000']], { code: 'VERSION' }],
    ['unknown flags', [['53414654 0001 0001 00000004']], { code: 'MALFORMED', structure: 'SAFT', place: 'flags', value: 4 }],
    ['a hello with a descriptor', [[HELLO[0], '/dev/null']], { code: 'DESCRIPTORS' }],
    ['no argv', [HELLO], { code: 'CLOSED' }],
    ['fusedev first', [HELLO, FUSEDEV, ARGV], { code: 'MALFORMED', structure: 'FILE', place: 'path', value: 'fusedev' }],
    ['argv with an error', [HELLO, [{ type: 'file', error: 12, path: 'argv' }]], { name: 'RequestRefusedError', errno: 12 }],
    ['argv without a descriptor', [HELLO, [ARGV[0]]], { code: 'DESCRIPTORS' }],
    ['argv with two', [HELLO, [ARGV[0], list, list]], { code: 'DESCRIPTORS' }],
    ['argv with an error and a descriptor', [HELLO, [{ type: 'file', error: 12, path: 'argv' }, list]], { code: 'DESCRIPTORS' }],
    ['argv in a device', [HELLO, [ARGV[0], '/dev/zero']], { code: 'MALFORMED', structure: 'ARGS', place: 'file' }],
    ['argv in a directory', [HELLO, [ARGV[0], directory]], { code: 'MALFORMED', structure: 'ARGS', place: 'file' }],
    ['argv too large', [HELLO, [ARGV[0], big]], { code: 'MALFORMED', structure: 'ARGS', place: 'size', value: (1 << 20) + 1 }],
    ['argv empty', [HELLO, [ARGV[0], empty]], { code: 'MALFORMED', structure: 'ARGS', place: 'size', value: 0 }],
    ['argv lying', [HELLO, [ARGV[0], lying]], { code: 'MALFORMED', structure: 'ARGS', place: 'len[0]', value: 0xffffffff }],
    ['no fusedev', [HELLO, ARGV], { code: 'CLOSED' }],
    ['fusedev with an error', [HELLO, ARGV, [{ type: 'file', error: 19, path: 'fusedev' }]], { name: 'RequestRefusedError', errno: 19 }],
    ['fusedev another device', [HELLO, ARGV, [FUSEDEV[0], '/dev/null']], { code: 'MALFORMED', structure: 'FILE', place: 'fusedev', value: 259 }],
    ['fusedev a file', [HELLO, ARGV, [FUSEDEV[0], list]], { code: 'MALFORMED', structure: 'FILE', place: 'fusedev', value: 0 }],
  ];
  for (const [what, script, error] of cases) {
    withHelper(t, script, (channel) => {
      throwsLike(t, () => accepted(channel), error, what);
      t.notOk(channel.isOpen, 'the connection is closed');
    });
  }
  t.end();
});

t.test('a helper that stalls', (t) => {
  for (const script of [[], [HELLO], [HELLO, ARGV]]) {
    withHelper(t, script, (channel) => t.throws(() => ServerEnd.accept(channel, 20), { code: 'TIMEOUT' }), true);
  }
  t.end();
});

const openD = (end: ServerEnd): void => void end.open('/d', { openFlags: 2 });

t.test('a bad answer', (t) => {
  const answers: readonly (readonly [what: string, answer: Said, act: (end: ServerEnd) => void, error: Wanted])[] = [
    ['another path', [{ type: 'file', error: 0, path: '/e' }, '/dev/null'], openD, { code: 'MALFORMED', structure: 'FILE', place: 'path', value: '/e' }],
    ['the path of a malformed request', [{ type: 'file', error: 22, path: '?' }], openD, { code: 'MALFORMED', structure: 'FILE', place: 'path', value: '?' }],
    ['no descriptor', [{ type: 'file', error: 0, path: '/d' }], openD, { code: 'DESCRIPTORS' }],
    ['a descriptor with an error', [{ type: 'file', error: 2, path: '/d' }, '/dev/null'], openD, { code: 'DESCRIPTORS' }],
    ['two descriptors', [{ type: 'file', error: 0, path: '/d' }, '/dev/null', '/dev/null'], openD, { code: 'DESCRIPTORS' }],
    ['a reply to open', OK, openD, { code: 'UNEXPECTED' }],
    ['a file for a reply', [{ type: 'file', error: 0, path: '/d' }, '/dev/null'], (end) => end.source('/d'), { code: 'UNEXPECTED' }],
    ['a short reply', ['5245504c 0000'], (end) => end.source('/d'), { code: 'MALFORMED', structure: 'REPL', place: 'size', value: 6 }],
    ['a reply with a descriptor', [OK[0], '/dev/null'], (end) => end.source('/d'), { code: 'DESCRIPTORS' }],
    ['a path without its NUL', ['46494c45 00000000 2f64'], openD, { code: 'MALFORMED', structure: 'FILE', place: 'path', value: '/d' }],
  ];
  for (const [what, answer, act, error] of answers) {
    withHelper(t, [...OPENING, answer], (channel) => {
      const end = accepted(channel);
      throwsLike(t, () => act(end), error, what);
      t.notOk(end.isOpen);
      closeSync(end.fuse);
    });
  }
  t.end();
});

t.test('each request can be refused, and asked again', (t) => {
  const requests: readonly (readonly [letters: string, act: (end: ServerEnd) => void])[] = [
    ['TYPE', (end) => end.fsopen(false)],
    ['NAME', (end) => end.source('x')],
    ['MNTP', (end) => end.mountPoint('/m', 0)],
    ['OPTS', (end) => end.options('ro')],
    ['MTAB', (end) => end.tableOptions('x-a')],
    ['DOIT', (end) => end.mount(0)],
  ];
  for (const [letters, act] of requests) {
    for (const errno of [1, 16, 22, 87, 519, 0xffffffff]) {
      withHelper(t, [...OPENING, [{ type: 'reply', error: errno }], OK], (channel) => {
        const end = accepted(channel);
        t.throws(() => act(end), { name: 'RequestRefusedError', request: letters, errno });
        t.ok(end.isOpen);
        act(end);
        closeSync(end.fuse);
      });
    }
  }
  t.end();
});

t.test('the helper leaves in the middle', (t) => {
  withHelper(t, OPENING, (channel) => {
    const end = accepted(channel);
    t.throws(() => end.source('/d'), { code: 'CLOSED' });
    end.goodbye(false);
    closeSync(end.fuse);
  });
  t.end();
});

t.test('what was opened is all that comes', (t) => {
  const [ours, theirs] = Channel.pair();
  for (const [what, ...files] of OPENING) {
    const descriptors = files.map((path) => openSync(path, path === '/dev/fuse' ? 'r+' : 'r'));
    theirs.send(bytesOf(what), descriptors, 0);
    descriptors.forEach((fd) => closeSync(fd));
  }
  const end = accepted(ours);
  end.finishOpening();
  t.throws(() => theirs.send(bytesOf(FUSEDEV[0]), [end.fuse], 0), { code: 'SYSTEM' }, 'the kernel refuses descriptors (Linux 6.16)');
  t.equal(decode(theirs.receive(0).bytes).type, 'helloReply');
  closeSync(end.fuse);
  end.close();
  theirs.close();
  t.end();
});
