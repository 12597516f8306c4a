import type { Test } from 'tap';
import { HandshakeError, type HandshakeErrorCode } from '../../protocol/packets/errors.js';
import type { RefusalCode } from '../../protocol/service/messages.js';
import type { Case, Timeouts } from './handshake-cases.js';
import { openDescriptors, type PeerProcess } from './handshake-process.js';
import type { Report, Step } from './handshake-script.js';

export interface Outcome {
  readonly error: unknown;
  /** Undefined where the peer died. */
  readonly report: Report | undefined;
}

/** Lets the peer misbehave, and sees to it that nothing stays open and that the error is for this step. */
export function provoke(t: Test, peer: PeerProcess, step: Case, fault: readonly Step[], timeouts: Timeouts = {}): Outcome {
  const before = openDescriptors();
  const dies = fault.some(({ do: what }) => what === 'die');
  let error: unknown;
  try {
    step.walk(peer.play([...step.preparation, ...fault]), timeouts);
  } catch (caught) {
    error = caught;
  }
  t.equal(openDescriptors(), before, 'no descriptor is left open');
  return { error, report: dies ? undefined : peer.report() };
}

export function expectError(t: Test, { error, report }: Outcome, code: HandshakeErrorCode, told?: RefusalCode): void {
  if (!(error instanceof HandshakeError)) throw error ?? new Error('no error at all');
  t.equal(error.code, code, error.message);
  if (told !== undefined) t.match(report?.taken.at(-1), { type: 'refusal', code: told }, 'the peer is told why');
}
