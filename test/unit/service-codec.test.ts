import { closeSync, openSync, readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { MAX_PACKET } from '../../protocol/seqpacket/channel.js';
import { decode, descriptorsOf, encode } from '../../protocol/service/codec.js';
import type { HandshakeErrorCode } from '../../protocol/packets/errors.js';
import type { Message, MessageOf, MessageType } from '../../protocol/service/messages.js';
import { samples } from '../service/handshake-samples.js';

const openDescriptors = () => readdirSync('/proc/self/fd').length;
const hex = (message: Message) => Buffer.from(encode(message).bytes).toString('hex');
const packet = (text: string, descriptors: readonly number[] = []) => ({ bytes: Buffer.from(text.replaceAll(' ', ''), 'hex'), descriptors });
const throwsCode = (t: Test, run: () => unknown, code: HandshakeErrorCode, message: RegExp) =>
  t.throws(run, { name: 'HandshakeError', code, message });

t.test('the wire format is pinned', (t) => {
  const vectors: readonly [Message, string][] = [
    [{ type: 'hello', versionMin: 1, versionMax: 300, requiredFeatures: ['a'], optionalFeatures: ['b', 'c'], software: 's' },
      '0a11 0801 10ac02 1a0161 220162 220163 2a0173'],
    [{ type: 'welcome', version: 1, features: ['a'], software: 's' }, '1208 0801 120161 1a0173'],
    [{
      type: 'source', descriptors: { device: 7, fuse: 8 }, name: '/d', kind: 'IMAGE_FILE', size: 2 ** 53 - 1, offset: 1024, sizeLimit: 4096,
      writable: true, options: ['ro', 'sb=1'], target: '/m', maxPagesLimit: 256, sectorSize: 512,
    }, '1a2f 0a020102 12022f64 1802 20ffffffffffffff0f 288008 308020 3801 4202726f 420473623d31 4a022f6d 508002 588004'],
    [{ type: 'needJournal', uuid: '01234567-89ab-cdef-0123-456789abcdef', deviceNumber: 0x801 },
      '2229 0a24 30313233343536372d383961622d636465662d303132332d343536373839616263646566 108110'],
    [{ type: 'journal', descriptors: { device: 7 }, size: 4096, name: '/j' }, '2a0a 0a0105 108020 1a022f6a'],
    [{
      type: 'mountPlan', blockSize: 4096, rootMode: 0o40755, readOnly: true, kernelOptions: ['ro'], fuseClones: 2, label: 'l', uuid: '', warnings: ['w'],
    }, '3215 088020 10ed8301 1801 2202726f 2802 32016c 420177'],
    [{ type: 'mounted', descriptors: { fuseClones: [7, 8], statusListener: 9 }, deviceNumber: '8:1' }, '3a0a 0a03030304 1203383a31'],
    [{ type: 'ready', kernelFeatures: ['k'], warnings: [] }, '4203 0a016b'],
    [{ type: 'refusal', code: 'IO', message: 'm', hint: 'h' }, '4a0a 0a02494f 12016d 1a0168'],
  ];
  t.same(vectors.map(([{ type }]) => type), Object.keys(samples), 'a vector for every message');
  for (const [message, bytes] of vectors) {
    t.equal(hex(message), bytes.replaceAll(' ', ''), message.type);
    t.same(decode({ bytes: Buffer.from(hex(message), 'hex'), descriptors: encode(message).descriptors }), message);
  }
  t.end();
});

t.test('what a newer peer adds is passed over', (t) => {
  t.match(decode(packet('1208 0801 a00601 1a0173')), { type: 'welcome', version: 1, software: 's' }, 'an unknown field');
  t.match(decode(packet('4203 0a016b 4a0a 0a02494f 12016d 1a0168')), { type: 'refusal', code: 'IO' }, 'of two messages the last');
  throwsCode(t, () => decode(packet('a20600')), 'MALFORMED', /no message that this version knows/);
  throwsCode(t, () => decode(packet('')), 'MALFORMED', /no message that this version knows/);
  t.end();
});

t.test('a field out of its range is named', (t) => {
  const refuses = <Type extends MessageType>(type: Type, fields: Partial<MessageOf<Type>>, complaint: RegExp) =>
    throwsCode(t, () => encode({ ...samples[type], ...fields }), 'MALFORMED', complaint);

  refuses('hello', { versionMin: 0 }, /hello\.versionMin/);
  refuses('hello', { versionMax: 65536 }, /hello\.versionMax/);
  refuses('hello', { versionMin: 3, versionMax: 2 }, /version range is empty/);
  refuses('hello', { requiredFeatures: ['Not A Name'] }, /hello\.requiredFeatures\.0/);
  refuses('hello', { optionalFeatures: Array<string>(65).fill('x') }, /hello\.optionalFeatures/);
  refuses('source', { size: 2 ** 53 }, /source\.size/);
  refuses('source', { size: -1 }, /source\.size/);
  refuses('source', { size: 1.5 }, /source\.size/);
  refuses('source', { size: 4096, offset: 4097 }, /beyond the end/);
  refuses('source', { size: 4096, offset: 2048, sizeLimit: 2049 }, /beyond the end/);
  refuses('source', { sectorSize: 520 }, /source\.sectorSize/);
  refuses('source', { name: '' }, /source\.name/);
  refuses('source', { target: 'a\0b' }, /source\.target.*NUL/);
  refuses('source', { target: 'a\ud800b' }, /source\.target/);
  refuses('source', { options: ['ok', 'a\0b'] }, /source\.options\.1/);
  refuses('source', { maxPagesLimit: 2 ** 32 }, /source\.maxPagesLimit/);
  refuses('needJournal', { uuid: '../../../etc/passwd' }, /needJournal\.uuid/);
  refuses('mountPlan', { blockSize: 3000 }, /mountPlan\.blockSize/);
  refuses('mountPlan', { blockSize: 131072 }, /mountPlan\.blockSize/);
  refuses('mountPlan', { rootMode: 0o100644 }, /mountPlan\.rootMode/);
  refuses('mountPlan', { kernelOptions: ['max_read=1,allow_other'] }, /mountPlan\.kernelOptions\.0/);
  refuses('mountPlan', { fuseClones: 65 }, /mountPlan\.fuseClones/);
  refuses('mounted', { deviceNumber: '8:1 rw' }, /mounted\.deviceNumber/);
  refuses('refusal', { code: 'not a code' }, /refusal\.code/);
  t.end();
});

t.test('a received field out of its range is named', (t) => {
  throwsCode(t, () => decode(packet('2a10 0a0105 108080808080808010 1a022f6a', [openSync('/dev/null', 'r')])), 'MALFORMED', /journal\.size/);
  throwsCode(t, () => decode(packet('1203 0a0161')), 'MALFORMED', /welcome/);
  throwsCode(t, () => decode(packet('4a06 0a02494f 12ff')), 'MALFORMED', /protobuf/);
  throwsCode(t, () => decode(packet('4a07 0a02494f 1201ff')), 'MALFORMED', /protobuf/);
  t.end();
});

t.test('texts for people lose what a terminal would obey', (t) => {
  const told = (message: string) => (decode({ bytes: encode({ ...samples.refusal, message }).bytes, descriptors: [] }) as MessageOf<'refusal'>).message;
  t.equal(told('a\u001b[2J\r\nb\u0085\u009b'), 'a\ufffd[2J\ufffd\ufffdb\ufffd\ufffd');
  t.equal(told('\u202etxt.exe'), '\ufffdtxt.exe');
  t.equal(told('ä€😀'), 'ä€😀');
  t.equal(told(`${'x'.repeat(2047)}😀`), `${'x'.repeat(2047)}\ufffd`, 'a long one is cut, and stays Unicode');
  t.equal((decode(packet('4a0d 0a02494f 1204611b5b4a 1a0168')) as MessageOf<'refusal'>).message, 'a\ufffd[J', 'whatever the sender did');
  t.end();
});

t.test('a message that does not fit a packet is not sent', (t) => {
  const options = Array<string>(32).fill('x'.repeat(4000));
  throwsCode(t, () => encode({ ...samples.source, options }), 'TOO_LONG', new RegExp(`source of \\d+ bytes`));
  t.ok(encode({ ...samples.source, options: options.slice(17) }).bytes.length <= MAX_PACKET);
  t.end();
});

t.test('descriptors: each role in its place, or all are closed', (t) => {
  const before = openDescriptors();
  const roles: readonly [string, string, number, RegExp | undefined][] = [
    ['mounted without any', '3a05 1203383a31', 0, undefined],
    ['mounted with clones and status in any order', '3a0b 0a0404030303 1203383a31', 4, undefined],
    ['roles that are not packed', '3a0b 0803 0804 0803 1203383a31', 3, undefined],
    ['two status sockets', '3a09 0a020404 1203383a31', 2, /2 descriptors as STATUS_LISTENER/],
    ['a role of another message', '3a08 0a0101 1203383a31', 1, /may not carry a descriptor as DEVICE/],
    ['no role', '3a08 0a0100 1203383a31', 1, /as DESCRIPTOR_ROLE_UNSPECIFIED/],
    ['an unknown role', '3a08 0a0163 1203383a31', 1, /as 99/],
    ['a source without /dev/fuse', '1a03 0a0101', 1, /0 descriptors as FUSE/],
    ['a source with two devices', '1a05 0a03010201', 3, /2 descriptors as DEVICE/],
    ['one more than named', '3a08 0a0103 1203383a31', 2, /names 1 descriptors and carries 2/],
    ['one fewer than named', '3a08 0a0103 1203383a31', 0, /names 1 descriptors and carries 0/],
    ['a message that has none', '4203 0a016b', 1, /names 0 descriptors and carries 1/],
  ];
  for (const [what, bytes, count, complaint] of roles) {
    const descriptors = Array.from({ length: count }, () => openSync('/dev/null', 'r'));
    if (complaint === undefined) {
      const message = decode(packet(bytes, descriptors));
      t.same([...descriptorsOf(message)].sort(), [...descriptors].sort(), what);
      for (const fd of descriptors) t.doesNotThrow(() => closeSync(fd));
    } else {
      throwsCode(t, () => decode(packet(bytes, descriptors)), 'DESCRIPTORS', complaint);
    }
    t.equal(openDescriptors(), before, what);
  }
  t.end();
});
