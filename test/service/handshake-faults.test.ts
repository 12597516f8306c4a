/** Everything the other end can do wrong at each step: a named error, no descriptor left open, no hang. */
import t, { type Test } from 'tap';
import { MAX_DESCRIPTORS, MAX_PACKET } from '../../protocol/seqpacket/channel.js';
import { descriptorsOf } from '../../protocol/service/codec.js';
import { RefusedError } from '../../protocol/service/errors.js';
import { cases, type Case } from './handshake-cases.js';
import { PeerProcess } from './handshake-process.js';
import { expectError, provoke } from './handshake-provoke.js';
import { hexOf, samples, sending } from './handshake-samples.js';
import type { SendStep, Step } from './handshake-script.js';

let peer = new PeerProcess();
t.teardown(() => peer.stop());

const raw = (bytes: Uint8Array, descriptors: number): SendStep => ({ do: 'send', hex: Buffer.from(bytes).toString('hex'), descriptors });

for (const step of cases) {
  const good = Buffer.from(hexOf(step.answer), 'hex');
  const needed = descriptorsOf(step.answer).length;
  const stall: Step = { do: 'stall' };
  const malformed = (t: Test, packet: Step) => expectError(t, provoke(t, peer, step, [packet, stall]), 'MALFORMED', 'PROTOCOL');

  t.test(`${step.what}: and the peer`, (t) => {
    t.test('closes the connection', (t) => {
      expectError(t, provoke(t, peer, step, [{ do: 'close' }]), 'CLOSED');
      t.end();
    });

    t.test('dies', async (t) => {
      expectError(t, provoke(t, peer, step, [{ do: 'die' }]), 'CLOSED');
      await peer.stop();
      peer = new PeerProcess();
    });

    t.test('stalls', (t) => {
      expectError(t, provoke(t, peer, step, [stall], step.shortened), 'TIMEOUT', 'TIMEOUT');
      t.end();
    });

    t.test('refuses', (t) => {
      const { error } = provoke(t, peer, step, [sending(samples.refusal), { do: 'close' }]);
      if (!(error instanceof RefusedError)) throw error;
      t.same({ code: error.code, message: error.message, hint: error.hint, type: 'refusal' }, samples.refusal);
      t.end();
    });

    t.test('sends a truncated message', (t) => {
      for (const length of [0, 1, 2, good.length >> 1, good.length - 1]) malformed(t, raw(good.subarray(0, length), needed));
      t.end();
    });

    t.test('sends what is no protobuf', (t) => {
      malformed(t, raw(Buffer.alloc(100, 0xff), needed));
      t.end();
    });

    t.test('sends a packet above 64 KiB', (t) => {
      const packet: Step = { ...raw(good, needed), padding: MAX_PACKET + 1 - good.length };
      expectError(t, provoke(t, peer, step, [packet, stall]), 'TOO_LONG', 'PROTOCOL');
      t.end();
    });

    t.test('sends a message that belongs elsewhere', (t) => {
      const elsewhere = Object.values(samples).filter(({ type }) => type !== 'refusal' && !step.awaited.includes(type));
      for (const message of elsewhere) {
        const outcome = provoke(t, peer, step, [sending(message), stall]);
        if (outcome.report?.sendFailed === 'EPERM') expectError(t, outcome, 'CLOSED');
        else expectError(t, outcome, 'UNEXPECTED', 'PROTOCOL');
      }
      t.end();
    });

    t.test('sends more descriptors than it names', (t) => {
      for (const surplus of [1, 2, MAX_DESCRIPTORS - needed, MAX_DESCRIPTORS - needed + 1, 253 - needed]) {
        const outcome = provoke(t, peer, step, [sending(step.answer, surplus), stall]);
        // Where the kernel knows SO_PASSRIGHTS the server cannot even send them.
        if (!step.mayReceiveDescriptors && outcome.report?.sendFailed === 'EPERM') expectError(t, outcome, 'CLOSED');
        else expectError(t, outcome, 'DESCRIPTORS', 'PROTOCOL');
      }
      t.end();
    });

    if (needed > 0) {
      t.test('sends fewer descriptors than it names', (t) => {
        for (let missing = 1; missing <= needed; missing++) {
          expectError(t, provoke(t, peer, step, [sending(step.answer, -missing), stall]), 'DESCRIPTORS', 'PROTOCOL');
        }
        t.end();
      });
    }

    t.end();
  });
}

for (const step of cases.slice(1, 4)) {
  t.test(`the server leaves while it is the helper's turn, before the ${step.what}`, (t) => {
    const index = step.preparation.length - 1;
    const early = (...fault: readonly Step[]): Case => ({ ...step, preparation: [...step.preparation.slice(0, index), ...fault] });

    const refused = provoke(t, peer, early(sending(samples.refusal)), [{ do: 'close' }]);
    t.match(refused.error, { name: 'RefusedError', code: samples.refusal.code }, 'refused');
    expectError(t, provoke(t, peer, early(), [{ do: 'close' }]), 'CLOSED');
    t.end();
  });
}
