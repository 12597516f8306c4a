import t, { type Test } from 'tap';
import { decodeArguments, encodeArguments } from '../../protocol/libfuse/argument-list.js';
import { decode, encode, lettersOf, opensConversation, type Packet } from '../../protocol/libfuse/packets.js';
import { encode as encodeOurs } from '../../protocol/service/codec.js';
import { samples } from '../service/handshake-samples.js';

const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function refused(t: Test, run: () => unknown, structure: string, place: string, value: number | string): void {
  t.throws(run, { name: 'MalformedError', code: 'MALFORMED', structure, place, value }, `${structure}.${place}`);
}

t.test('the wire format, byte for byte', (t) => {
  const vectors: readonly [Packet, string][] = [
    [{ type: 'hello', minVersion: 1, maxVersion: 1, flags: 3 }, '53414654 0001 0001 00000003'],
    [{ type: 'hello', minVersion: 1, maxVersion: 1, flags: 0 }, '53414654 0001 0001 00000000'],
    [{ type: 'hello', minVersion: 1, maxVersion: 9, flags: 1 }, '53414654 0001 0009 00000001'],
    [{ type: 'helloReply', version: 1 }, '4c415354 0001 0000'],
    [{ type: 'file', error: 0, path: 'argv' }, '46494c45 00000000 61726776 00'],
    [{ type: 'file', error: 0, path: 'fusedev' }, '46494c45 00000000 66757365646576 00'],
    [{ type: 'file', error: 2, path: '?' }, '46494c45 00000002 3f 00'],
    [{ type: 'reply', error: 0 }, '5245504c 00000000'],
    [{ type: 'reply', error: 87 }, '5245504c 00000057'],
    [{ type: 'open', openFlags: 0x82, createMode: 0o600, requestFlags: 1, blockSize: 0, path: '/d' },
      '4f50454e 00000082 00000180 00000001 00000000 2f64 00'],
    [{ type: 'openBlockDevice', openFlags: 2, createMode: 0, requestFlags: 0, blockSize: 4096, path: '/ä' },
      '42444556 00000002 00000000 00000000 00001000 2fc3a4 00'],
    [{ type: 'fsopen', flags: 0 }, '54595045 00000000'],
    [{ type: 'fsopen', flags: 1 }, '54595045 00000001'],
    [{ type: 'source', text: 'testsub' }, '4e414d45 74657374737562 00'],
    [{ type: 'mountPoint', expectedFormat: 0o40000, path: '/m' }, '4d4e5450 4000 0000 2f6d 00'],
    [{ type: 'mountPoint', expectedFormat: 0o100000, path: '/f' }, '4d4e5450 8000 0000 2f66 00'],
    [{ type: 'options', text: 'allow_other' }, '4f505453 616c6c6f775f6f74686572 00'],
    [{ type: 'tableOptions', text: '-n' }, '4d544142 2d6e 00'],
    [{ type: 'mount', flags: 6 }, '444f4954 00000006'],
    [{ type: 'mount', flags: 0xffffffff }, '444f4954 ffffffff'],
    [{ type: 'goodbye', exitCode: 0 }, '42594545 00000000'],
    [{ type: 'goodbye', exitCode: 1 }, '42594545 00000001'],
  ];
  const kinds = new Set(vectors.map(([{ type }]) => type));
  t.equal(kinds.size, 13, 'every packet has a vector');
  for (const [packet, bytes] of vectors) {
    t.equal(toHex(encode(packet)), bytes.replaceAll(' ', ''), bytes);
    t.same(decode(fromHex(bytes)), packet);
    t.equal(Buffer.from(fromHex(bytes)).toString('latin1', 0, 4), lettersOf(packet.type));
  }
  t.end();
});

t.test('every size but the right one is refused', (t) => {
  const fixed = ['53414654 0001 0001 00000003', '4c415354 0001 0000', '5245504c 00000000', '54595045 00000000', '444f4954 00000006', '42594545 00000000'];
  for (const vector of fixed) {
    const bytes = fromHex(vector);
    const letters = Buffer.from(bytes).toString('latin1', 0, 4);
    for (let length = 4; length < bytes.length; length++) refused(t, () => decode(bytes.subarray(0, length)), letters, 'size', length);
    refused(t, () => decode(new Uint8Array([...bytes, 0])), letters, 'size', bytes.length + 1);
  }
  const least: Readonly<Record<string, number>> = { FILE: 10, OPEN: 22, BDEV: 22, NAME: 6, OPTS: 6, MTAB: 6, MNTP: 10 };
  for (const [letters, size] of Object.entries(least)) {
    const padded = Buffer.alloc(size);
    padded.write(letters);
    for (let length = 4; length < size; length++) refused(t, () => decode(padded.subarray(0, length)), letters, 'size', length);
    padded.write('x', size - 2);
    t.doesNotThrow(() => decode(padded), `${letters} of ${size} bytes`);
  }
  t.end();
});

t.test('magics that are none', (t) => {
  for (const bytes of ['', '00', '41524753', '554d4e54', '494f4d41', '73616674']) {
    const packet = fromHex(bytes);
    refused(t, () => decode(packet), 'packet', 'magic', toHex(packet.subarray(0, 4)));
  }
  t.end();
});

t.test('padding and texts', (t) => {
  refused(t, () => decode(fromHex('4c415354 0001 0001')), 'LAST', 'padding', 1);
  refused(t, () => decode(fromHex('4d4e5450 4000 8000 2f6d 00')), 'MNTP', 'padding', 0x8000);
  refused(t, () => decode(fromHex('4e414d45 6162')), 'NAME', 'text', 'ab');
  refused(t, () => decode(fromHex('4e414d45 6100 6200')), 'NAME', 'text', 'a\0b\0');
  refused(t, () => decode(fromHex('4e414d45 6100 00')), 'NAME', 'text', 'a\0\0');
  refused(t, () => decode(fromHex('4f50454e 00000002 00000000 00000000 00000000 0000')), 'OPEN', 'path', '\0\0');
  refused(t, () => decode(fromHex('4f505453 c3 00')), 'OPTS', 'text', 'Ã\0');
  refused(t, () => encode({ type: 'options', text: '' }), 'OPTS', 'text', '');
  refused(t, () => encode({ type: 'source', text: 'a\0b' }), 'NAME', 'text', 'a\0b');
  t.same(decode(fromHex('4e414d45 efbbbf61 00')), { type: 'source', text: '\ufeffa' }, 'a byte order mark belongs to a name');
  t.end();
});

t.test('the first packet tells the two protocols apart', (t) => {
  t.ok(opensConversation(fromHex('53414654 0001 0001 00000003')));
  t.ok(opensConversation(fromHex('53414654')), 'a broken one too');
  t.notOk(opensConversation(encodeOurs(samples.hello).bytes));
  t.notOk(opensConversation(new Uint8Array()));
  t.notOk(opensConversation(fromHex('534146')));
  t.end();
});

t.test('the list of arguments', (t) => {
  const words = ['tstfs', '/d', '/m'];
  const bytes = '41524753 00000003 00000020 00000006 00000026 00000003 00000029 00000003 7473746673 00 2f64 00 2f6d 00';
  t.equal(toHex(encodeArguments(words)), bytes.replaceAll(' ', ''));
  t.same(decodeArguments(fromHex(bytes)), words);

  t.same(decodeArguments(fromHex(`41524753 00000001 00000028 00000002 ${'00'.repeat(24)} 61 00`)), ['a'], 'a gap after the table, as libfuse leaves it');
  t.same(decodeArguments(fromHex('41524753 00000002 0000001a 00000002 00000018 00000002 6200 6100')), ['a', 'b'], 'in any order');
  t.same(decodeArguments(encodeArguments(['x', ''])), ['x', ''], 'an argument may be empty');
  t.end();
});

t.test('a list of arguments that lies', (t) => {
  const list = (argc: string, ...rest: string[]) => fromHex(`41524753 ${argc} ${rest.join('')}`);
  refused(t, () => decodeArguments(fromHex('415247')), 'ARGS', 'size', 3);
  refused(t, () => decodeArguments(fromHex('41524754 00000001')), 'ARGS', 'magic', 'ARGT');
  refused(t, () => decodeArguments(list('00000000')), 'ARGS', 'argc', 0);
  refused(t, () => decodeArguments(list('00000001')), 'ARGS', 'argc', 1);
  refused(t, () => decodeArguments(list('ffffffff', '00'.repeat(64))), 'ARGS', 'argc', 0xffffffff);
  refused(t, () => decodeArguments(list('00001001', '00'.repeat(1 << 16))), 'ARGS', 'argc', 0x1001);
  refused(t, () => decodeArguments(list('00000001', '00000008', '00000002', '6100')), 'ARGS', 'pos[0]', 8);
  refused(t, () => decodeArguments(list('00000001', '00000013', '00000001', '6100')), 'ARGS', 'pos[0]', 0x13);
  refused(t, () => decodeArguments(list('00000001', '00000010', 'ffffffff', '6100')), 'ARGS', 'len[0]', 0xffffffff);
  refused(t, () => decodeArguments(list('00000001', '00000010', '00000000', '6100')), 'ARGS', 'len[0]', 0);
  refused(t, () => decodeArguments(list('00000001', '00000010', '00000003', '6100')), 'ARGS', 'len[0]', 3);
  refused(t, () => decodeArguments(list('00000002', '00000018', '00000002', '00000018', '00000002', '6100')), 'ARGS', 'len[1]', 2);
  refused(t, () => decodeArguments(list('00000001', '00000010', '00000001', '6100')), 'ARGS', 'string[0]', 'a');
  refused(t, () => decodeArguments(list('00000001', '00000010', '00000003', '61006200')), 'ARGS', 'string[0]', 'a\0b');
  t.end();
});
