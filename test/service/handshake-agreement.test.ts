/** Valid messages that cannot be accepted: versions, features, more than was asked for, and talking out of turn. */
import { openSync } from 'node:fs';
import t from 'tap';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { descriptorsOf, encode } from '../../protocol/service/codec.js';
import { HelperEnd } from '../../protocol/service/helper-end.js';
import type { Message } from '../../protocol/service/messages.js';
import { ServerEnd } from '../../protocol/service/server-end.js';
import { cases } from './handshake-cases.js';
import { PeerProcess, openDescriptors } from './handshake-process.js';
import { expectError, provoke } from './handshake-provoke.js';
import { samples, sending } from './handshake-samples.js';

const peer = new PeerProcess();
t.teardown(() => peer.stop());
const device = openSync('/dev/null', 'r');
t.teardown(() => closeDescriptors([device]));

function caseFor(awaited: Message['type']) {
  const found = cases.find((step) => step.awaited.length === 1 && step.awaited[0] === awaited);
  if (found === undefined) throw new Error(`no case waits for ${awaited}`);
  return found;
}
const stall = { do: 'stall' } as const;
/** Sends a message from a bare channel, with /dev/null for each of its descriptors. */
const say = (channel: Channel, message: Message) => {
  const { bytes, descriptors } = encode(message);
  channel.send(bytes, descriptors.map(() => device), 0);
};

t.test('no common version, or no common features', (t) => {
  const newer: Message = { ...samples.hello, versionMin: 2, versionMax: 9 };
  expectError(t, provoke(t, peer, caseFor('hello'), [sending(newer), stall]), 'VERSION', 'VERSION');
  const demanding: Message = { ...samples.hello, requiredFeatures: ['telepathy'] };
  expectError(t, provoke(t, peer, caseFor('hello'), [sending(demanding), stall]), 'FEATURE', 'FEATURE');
  expectError(t, provoke(t, peer, caseFor('welcome'), [sending({ ...samples.welcome, version: 2 }), stall]), 'VERSION', 'VERSION');
  const unasked: Message = { ...samples.welcome, features: ['telepathy'] };
  expectError(t, provoke(t, peer, caseFor('welcome'), [sending(unasked), stall]), 'FEATURE', 'FEATURE');
  t.end();
});

t.test('more clones of /dev/fuse than the server asked for', (t) => {
  const fuseClones = [device, device, device];
  const fault = [sending({ ...samples.mounted, descriptors: { fuseClones, statusListener: device } }), stall];
  expectError(t, provoke(t, peer, caseFor('mounted'), fault), 'DESCRIPTORS', 'PROTOCOL');
  t.end();
});

t.test('a helper that does not wait for its turn', (t) => {
  const before = openDescriptors();
  const [helper, server] = Channel.pair();
  say(helper, samples.hello);
  const end = ServerEnd.accept(server);
  say(helper, samples.source);
  closeDescriptors(descriptorsOf(end.source()));
  say(helper, samples.journal);
  t.throws(() => end.needJournal(samples.needJournal), { name: 'HandshakeError', code: 'UNEXPECTED', message: /journal out of turn/ });
  t.equal(end.state, 'closed');
  helper.close();
  t.equal(openDescriptors(), before);
  t.end();
});

t.test('a server that refuses at the very moment at which the helper sends', (t) => {
  const [ours, server] = Channel.pair();
  const end = HelperEnd.start(ours);
  say(server, samples.refusal);
  server.close();
  ours.isReadable = () => false; // as it was an instant before
  t.throws(() => end.hello(), { name: 'RefusedError', code: samples.refusal.code, message: samples.refusal.message });
  t.equal(ours.isOpen, false);
  t.end();
});

t.test('either end can refuse at its turn', (t) => {
  const [ours, theirs] = Channel.pair();
  const end = HelperEnd.start(ours);
  say(theirs, samples.welcome);
  t.throws(() => end.hello(), { code: 'UNEXPECTED' }, 'a welcome before the hello is out of turn');
  theirs.close();

  const [helper, server] = Channel.pair();
  say(helper, samples.hello);
  const serving = ServerEnd.accept(server);
  helper.receive(0);
  serving.refuse({ code: 'BAD_OPTION', message: 'no such option: speed=11', hint: '' });
  t.equal(server.isOpen, false);
  const listening = HelperEnd.start(helper);
  t.throws(() => listening.hello(), { name: 'RefusedError', code: 'BAD_OPTION', message: 'no such option: speed=11' });
  t.end();
});
