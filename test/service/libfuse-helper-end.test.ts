/** The mount helper's end of libfuse's dialect. The service is a script: all that it will say is sent in advance. */
import { closeSync, fstatSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { LibfuseErrorCode } from '../../protocol/libfuse/errors.js';
import { HelperEnd, type MountDuties, type Permissions } from '../../protocol/libfuse/helper-end.js';
import { encode, type Packet } from '../../protocol/libfuse/packets.js';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { shim } from '../../protocol/seqpacket/shim.js';
import { scratchDirectory } from '../support/scratch.js';
import { openDescriptors } from './handshake-process.js';

const EVERYTHING: Permissions = { allowOther: true, fuseblk: true };
const WELCOME = '4c415354 0001 0000';
const BYE = '42594545 00000000';

const bytesOf = (what: string | Packet): Uint8Array => (typeof what === 'string' ? Buffer.from(what.replaceAll(' ', ''), 'hex') : encode(what));
const plain = (words: readonly string[]): string[] => words.map((word) => word.replaceAll(' ', ''));

/** Does as it is told: `results` says what each call in turn returns, 0 after the last. */
class Recorder implements MountDuties {
  readonly calls: string[] = [];
  readonly #results: number[];

  constructor(results: readonly number[] = []) {
    this.#results = [...results];
  }

  #note(...words: readonly (string | number | boolean)[]): number {
    this.calls.push(words.join(' '));
    return this.#results.shift() ?? 0;
  }

  open({ type, path, openFlags, createMode, requestFlags, blockSize }: Parameters<MountDuties['open']>[0]): number {
    const result = this.#note(type, path, openFlags, createMode, requestFlags, blockSize);
    return result < 0 ? result : openSync('/dev/null', 'r');
  }
  source = (text: string): number => this.#note('source', text);
  mountPoint = (path: string, format: number): number => this.#note('mountPoint', path, format.toString(8));
  options = (text: string): number => this.#note('options', text);
  tableOptions = (text: string): number => this.#note('tableOptions', text);
  mount = (flags: number, fuseblk: boolean): number => this.#note('mount', flags, fuseblk);
}

interface Outcome {
  readonly heard: readonly string[];
  readonly descriptors: readonly number[];
  readonly exitCode: number | undefined;
  readonly error: unknown;
}

/** A whole conversation with a service that says all this. */
function converse(t: Test, script: readonly (string | Packet)[], duties: MountDuties = new Recorder(), permissions = EVERYTHING): Outcome {
  const before = openDescriptors();
  const [ours, theirs] = Channel.pair();
  for (const what of [WELCOME, ...script]) theirs.send(bytesOf(what), [], 1000);
  let exitCode: number | undefined;
  let error: unknown;
  try {
    exitCode = HelperEnd.start(ours, permissions, 1000).serve(duties);
  } catch (failure) {
    error = failure;
  }
  t.notOk(ours.isOpen, 'closed when it is over');
  const heard: string[] = [];
  const descriptors: number[] = [];
  try {
    for (;;) {
      const packet = theirs.receive(0);
      heard.push(Buffer.from(packet.bytes).toString('hex'));
      descriptors.push(...packet.descriptors);
    }
  } catch {
    theirs.close();
  }
  const rdevs = descriptors.map((fd) => fstatSync(fd).rdev);
  descriptors.forEach((fd) => closeSync(fd));
  t.equal(openDescriptors(), before, 'no descriptor is left open');
  return { heard: heard.slice(1), descriptors: rdevs, exitCode, error };
}

const END = '';
const code = (error: unknown): LibfuseErrorCode | undefined => (error as { code?: LibfuseErrorCode } | undefined)?.code;

t.test('the order of a mount, byte for byte', (t) => {
  const before = openDescriptors();
  const [ours, theirs] = Channel.pair();
  const file = join(scratchDirectory(t, 'libfuse-helper-end'), 'argv');
  writeFileSync(file, '');
  theirs.send(bytesOf(WELCOME), [], 0);
  const end = HelperEnd.start(ours, EVERYTHING);
  const [argv, fuse] = [openSync(file, 'r'), openSync('/dev/fuse', 'r+')];
  end.push(argv, fuse);
  closeSync(argv);
  closeSync(fuse);
  const script = [
    '4f50454e 00000002 00000000 00000001 00000000 2f6400',
    '42444556 00000080 000001a4 00000000 00001000 2f6400',
    '54595045 00000001',
    '4e414d45 2f6400',
    '4d4e5450 40000000 2f6d00',
    '4f505453 616c6c6f775f6f7468657200',
    '4d544142 2d6e00',
    '444f4954 00000006',
    '42594545 00000000',
  ];
  for (const packet of script) theirs.send(bytesOf(packet), [], 0);
  const duties = new Recorder([-13]);
  t.equal(end.serve(duties), 0);
  t.same(duties.calls, [
    'open /d 2 0 1 0', 'openBlockDevice /d 128 420 0 4096', 'source /d', 'mountPoint /m 40000', 'options allow_other', 'tableOptions -n', 'mount 6 true',
  ]);
  const received = Array.from({ length: 11 }, () => theirs.receive(0));
  t.same(received.map(({ bytes }) => Buffer.from(bytes).toString('hex')), plain([
    '53414654 0001 0001 00000003',
    '46494c45 00000000 61726776 00',
    '46494c45 00000000 66757365646576 00',
    '46494c45 0000000d 2f6400',
    '46494c45 00000000 2f6400',
    ...Array<string>(6).fill('5245504c 00000000'),
  ]));
  t.same(received.map(({ descriptors }) => descriptors.length), [0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
  const [, list, device, , opened] = received.map(({ descriptors: [fd = -1] }) => fd);
  t.equal(fstatSync(list ?? -1).ino, statSync(file).ino);
  t.equal(fstatSync(device ?? -1).rdev, 10 * 256 + 229);
  t.equal(fstatSync(opened ?? -1).rdev, statSync('/dev/null').rdev);
  for (const { descriptors } of received) descriptors.forEach((fd) => closeSync(fd));
  t.throws(() => theirs.receive(0), { code: 'CLOSED' }, 'goodbye has no answer');
  theirs.close();
  t.equal(openDescriptors(), before);
  t.end();
});

t.test('the hello says what is permitted', (t) => {
  for (const [permissions, flags] of [[{ allowOther: false, fuseblk: false }, 0], [{ allowOther: true, fuseblk: false }, 1], [{ allowOther: false, fuseblk: true }, 2]] as const) {
    const [ours, theirs] = Channel.pair();
    theirs.send(bytesOf(WELCOME), [], 0);
    HelperEnd.start(ours, permissions).close();
    t.equal(Buffer.from(theirs.receive(0).bytes).toString('hex'), `53414654000100010000000${flags}`);
    theirs.close();
  }
  t.end();
});

t.test('a bad answer to the hello', (t) => {
  const answers: readonly (readonly [string, LibfuseErrorCode])[] = [
    ['4c415354 0001', 'MALFORMED'],
    ['4c415354 0001 0000 00', 'MALFORMED'],
    ['4c415354 0001 0001', 'MALFORMED'],
    ['4c415354 0002 0000', 'VERSION'],
    ['4c415354 0000 0000', 'VERSION'],
    ['42594545 00000000', 'UNEXPECTED'],
    ['11223344', 'MALFORMED'],
    [END, 'CLOSED'],
  ];
  for (const [answer, expected] of answers) {
    const [ours, theirs] = Channel.pair();
    theirs.send(bytesOf(answer), [], 0);
    t.throws(() => HelperEnd.start(ours, EVERYTHING), { code: expected }, answer);
    t.notOk(ours.isOpen);
    theirs.close();
  }
  const [ours, theirs] = Channel.pair();
  t.throws(() => HelperEnd.start(ours, EVERYTHING, 20), { code: 'TIMEOUT' });
  theirs.close();
  t.end();
});

t.test('a socket that takes too little at once', (t) => {
  let isOpen = true;
  // A real one cannot be made as small as that.
  const channel = { sendBuffer: 4116, close: () => (isOpen = false) } as unknown as Channel;
  t.throws(() => HelperEnd.start(channel, EVERYTHING), { code: 'SYSTEM', message: /4116 bytes at once, 4117/u });
  t.notOk(isOpen);
  t.end();
});

t.test('malformed requests are answered, and nothing is done', (t) => {
  const EINVAL_FILE = '46494c45 00000016 3f00';
  const EINVAL_REPLY = '5245504c 00000016';
  const cases: readonly (readonly [string, string])[] = [
    ['4f50454e', EINVAL_FILE],
    ['4f50454e 00000002 00000000 00000000 00000000 00', EINVAL_FILE],
    ['42444556 00000002 00000000 00000000 00000000 2f', EINVAL_FILE],
    ['4f50454e 00000002 00000000 00000000 00000000 2f64', EINVAL_FILE],
    ['4f50454e 00000002 00000000 00000000 00000000 2f00 6400', EINVAL_FILE],
    ['4f50454e 00000002 00000000 00000002 00000000 2f6400', '46494c45 00000016 2f6400'],
    ['42444556 00000002 00000000 80000001 00000000 2f6400', '46494c45 00000016 2f6400'],
    ['54595045', EINVAL_REPLY],
    ['54595045 00000000 00', EINVAL_REPLY],
    ['54595045 00000002', EINVAL_REPLY],
    ['4e414d45 00', EINVAL_REPLY],
    ['4e414d45 6161', EINVAL_REPLY],
    ['4d4e5450 4000 0000 00', EINVAL_REPLY],
    ['4d4e5450 4000 0000 2f6d', EINVAL_REPLY],
    ['4d4e5450 4000 0001 2f6d00', EINVAL_REPLY],
    ['4d4e5450 2000 0000 2f6d00', EINVAL_REPLY],
    ['4d4e5450 6000 0000 2f6d00', EINVAL_REPLY],
    ['4f505453 00', EINVAL_REPLY],
    ['4f505453 726f', EINVAL_REPLY],
    ['4d544142 00', EINVAL_REPLY],
    ['4d544142 2d6e', EINVAL_REPLY],
    ['444f4954 0000', EINVAL_REPLY],
    ['444f4954 00000000', EINVAL_REPLY],
  ];
  for (const [request, answer] of cases) {
    const duties = new Recorder();
    const { heard, exitCode } = converse(t, [request, BYE], duties);
    t.same(heard, plain([answer]), request);
    t.same(duties.calls, []);
    t.equal(exitCode, 0);
  }
  t.end();
});

t.test('a name and a mount point come before the mount', (t) => {
  const [name, point, mount]: Packet[] = [{ type: 'source', text: 'x' }, { type: 'mountPoint', expectedFormat: 0, path: '/m' }, { type: 'mount', flags: 6 }];
  const duties = new Recorder();
  const { heard } = converse(t, [mount!, name!, mount!, point!, mount!, BYE], duties);
  t.same(heard, plain(['5245504c 00000016', '5245504c 00000000', '5245504c 00000016', '5245504c 00000000', '5245504c 00000000']));
  t.same(duties.calls, ['source x', 'mountPoint /m 0', 'mount 6 false']);
  t.end();
});

t.test('each succeeds once, and may be tried again until then', (t) => {
  const requests: Packet[] = [
    { type: 'source', text: 'x' },
    { type: 'mountPoint', expectedFormat: 0o100000, path: '/m' },
    { type: 'options', text: 'ro' },
    { type: 'tableOptions', text: 'x-a' },
  ];
  for (const request of requests) {
    const duties = new Recorder([-2, 0]);
    const { heard } = converse(t, [request, request, request, BYE], duties);
    t.same(heard, plain(['5245504c 00000002', '5245504c 00000000', '5245504c 00000016']), request.type);
    t.equal(duties.calls.length, 2);
  }
  t.same(converse(t, ['54595045 00000002', '54595045 00000001', '54595045 00000000', BYE]).heard, plain(['5245504c 00000016', '5245504c 00000000', '5245504c 00000016']));
  t.same(converse(t, [requests[0]!, requests[1]!, '444f4954 00000000', '444f4954 00000000', BYE], new Recorder([0, 0, -16, 0])).heard.slice(2),
    plain(['5245504c 00000010', '5245504c 00000000']), 'a mount that failed may be tried again');
  t.end();
});

t.test('what is not permitted', (t) => {
  const nothing: Permissions = { allowOther: false, fuseblk: false };
  const refused = plain(['5245504c 00000001']);
  t.same(converse(t, ['54595045 00000001', BYE], new Recorder(), nothing).heard, refused, 'fuseblk');
  for (const text of ['allow_other', 'allow_root', 'ro,allow_other', 'allow_other,ro']) {
    t.same(converse(t, [{ type: 'options', text }, BYE], new Recorder(), nothing).heard, refused, text);
  }
  t.same(converse(t, [{ type: 'options', text: 'context=allow_other' }, BYE], new Recorder(), nothing).heard, plain(['5245504c 00000000']));
  t.end();
});

t.test('the end', (t) => {
  for (const exitCode of [0, 1, 2, 255, 256, 0xffffffff]) t.equal(converse(t, [{ type: 'goodbye', exitCode }]).exitCode, exitCode);
  const ends: readonly (readonly [string, LibfuseErrorCode])[] = [
    ['42594545', 'MALFORMED'],
    ['42594545 00000000 00', 'MALFORMED'],
    [END, 'CLOSED'],
    ['11223344 00000000', 'MALFORMED'],
    ['554d4e54', 'MALFORMED'],
    ['53414654 0001 0001 00000000', 'UNEXPECTED'],
    ['4c415354 0001 0000', 'UNEXPECTED'],
    ['5245504c 00000000', 'UNEXPECTED'],
    ['46494c45 00000000 2f6400', 'UNEXPECTED'],
    ['00', 'MALFORMED'],
  ];
  for (const [request, expected] of ends) {
    const duties = new Recorder();
    const { heard, error } = converse(t, [request, { type: 'source', text: 'x' }], duties);
    t.equal(code(error), expected, request);
    t.same(heard, [], 'without an answer');
    t.same(duties.calls, []);
  }
  t.end();
});

t.test('the largest request, and one that is larger', (t) => {
  const text = 'x'.repeat(65536 - 5);
  const duties = new Recorder();
  t.equal(converse(t, [{ type: 'source', text }, BYE], duties).exitCode, 0);
  t.same(duties.calls, [`source ${text}`]);
  const [ours, theirs] = Channel.pair();
  theirs.send(bytesOf(WELCOME), [], 0);
  const end = HelperEnd.start(ours, EVERYTHING);
  shim.send(theirs.fd, Buffer.alloc(65537, 'N'), new Int32Array());
  t.throws(() => end.serve(new Recorder()), { code: 'TOO_LONG' });
  theirs.close();
  t.end();
});

t.test('a service cannot send descriptors', (t) => {
  const [ours, theirs] = Channel.pair();
  theirs.send(bytesOf(WELCOME), [], 0);
  const end = HelperEnd.start(ours, EVERYTHING);
  const file = openSync('/dev/null', 'r');
  t.throws(() => theirs.send(bytesOf({ type: 'source', text: 'x' }), [file], 0), { code: 'SYSTEM' }, 'the kernel refuses them (Linux 6.16)');
  closeSync(file);
  end.close();
  theirs.close();
  t.end();
});
