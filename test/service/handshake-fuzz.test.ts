/** Damaged packets with random descriptors: a good message or a HandshakeError, and every descriptor accounted for. */
import { openSync } from 'node:fs';
import t from 'tap';
import { Channel, type Packet } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { decode, descriptorsOf, encode } from '../../protocol/service/codec.js';
import { HandshakeError } from '../../protocol/packets/errors.js';
import { RefusedError } from '../../protocol/service/errors.js';
import { ServerEnd } from '../../protocol/service/server-end.js';
import { openDescriptors } from './handshake-process.js';
import { samples } from './handshake-samples.js';

const seed = Number(process.env['FUSE4FS_SEED'] ?? 185);
t.comment(`seed ${seed}: run again with FUSE4FS_SEED=${seed}`);

/** mulberry32 */
let state = seed;
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
}

const good = Object.values(samples).map((message) => Buffer.from(encode(message).bytes));
const pick = (from: readonly Buffer[]): Buffer => from[random(from.length)] ?? Buffer.alloc(0);
const bytes = (count: number) => Buffer.from(Array.from({ length: count }, () => random(256)));

const damages: readonly ((packet: Buffer) => Buffer)[] = [
  (packet) => packet,
  (packet) => packet.map((byte) => (random(packet.length) === 0 ? byte ^ (1 << random(8)) : byte)) as Buffer,
  (packet) => packet.subarray(0, random(packet.length + 1)),
  (packet) => Buffer.concat([packet.subarray(0, random(packet.length)), bytes(random(12)), packet.subarray(random(packet.length))]),
  (packet) => Buffer.concat([packet, pick(good)]),
  (packet) => {
    const donor = pick(good);
    return Buffer.concat([packet.subarray(0, random(packet.length)), donor.subarray(random(donor.length))]);
  },
  () => bytes(random(200)),
];

const damaged = (packet: Buffer): Buffer => (damages[random(damages.length)] ?? ((same) => same))(packet);

const spare = Array.from({ length: 5 }, () => openSync('/dev/null', 'r'));
t.teardown(() => closeDescriptors(spare));
const someDescriptors = () => spare.slice(0, random(spare.length + 1));

t.test('packets', (t) => {
  const [sender, receiver] = Channel.pair();
  const before = openDescriptors();
  let understood = 0;
  for (let round = 0; round < 20_000; round++) {
    const packet = damaged(pick(good));
    sender.send(packet, someDescriptors(), 0);
    const received = receiver.receive(0);
    try {
      const message = decode(received);
      closeDescriptors(descriptorsOf(message));
      const again: Packet = encode(message);
      const repeated = decode({ bytes: again.bytes, descriptors: again.descriptors });
      if (JSON.stringify(repeated) !== JSON.stringify(message)) t.fail(`${packet.toString('hex')} changes when it is encoded again`);
      understood++;
    } catch (error) {
      if (!(error instanceof HandshakeError)) t.fail(`${packet.toString('hex')}: ${String(error)}`);
    }
  }
  t.equal(openDescriptors(), before, 'no descriptor is left open');
  t.ok(understood > 1000 && understood < 19_000, `${understood} of 20000 were messages`);
  sender.close();
  receiver.close();
  t.end();
});

t.test('a server that hears damaged packets', (t) => {
  const before = openDescriptors();
  const hello = Buffer.from(encode(samples.hello).bytes);
  const source = Buffer.from(encode(samples.source).bytes);
  let served = 0;
  for (let round = 0; round < 3000; round++) {
    const [helper, server] = Channel.pair();
    try {
      const greeting = random(4) === 0 ? damaged(hello) : hello;
      helper.send(greeting, greeting === hello ? [] : someDescriptors(), 0);
      const end = ServerEnd.accept(server, { timeouts: { hello: 0, source: 0 } });
      helper.send(damaged(source), random(2) === 0 ? someDescriptors() : spare.slice(0, 2), 0);
      closeDescriptors(descriptorsOf(end.source()));
      served++;
    } catch (error) {
      if (!(error instanceof HandshakeError || error instanceof RefusedError)) t.fail(String(error));
      if (server.isOpen) t.fail(`after ${String(error)} the channel is open`);
    }
    helper.close();
    server.close();
  }
  t.equal(openDescriptors(), before, 'no descriptor is left open');
  t.ok(served > 100 && served < 2900, `${served} of 3000 were served`);
  t.end();
});
