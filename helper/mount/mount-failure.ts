import { SeqpacketError } from '../../protocol/seqpacket/errors.js';
import { HandshakeError } from '../../protocol/packets/errors.js';
import { RefusedError } from '../../protocol/service/errors.js';
import { MountError } from './errors.js';
import type { ServerLog } from './server-log.js';
import type { ServerExit } from './start-server.js';

/** Says what went wrong between helper and server in the user's terms. */
export function explainFailure(error: unknown, exit: ServerExit | undefined, log: ServerLog): MountError {
  if (error instanceof MountError) return error;
  if (error instanceof RefusedError) return new MountError('SERVER_REFUSED', error.message, error.hint, error.code);
  if (error instanceof HandshakeError || error instanceof SeqpacketError) {
    if (exit !== undefined && exit.report !== '') {
      return new MountError('SERVER_NOT_STARTED', `cannot start the server: ${exit.report}`, startHint(exit.report));
    }
    if (error.code === 'TIMEOUT') return new MountError('SERVER_FAILED', 'the server did not answer in time', whereToLook(log), 'TIMEOUT');
    if (error.code === 'CLOSED') {
      return new MountError('SERVER_FAILED', `the server ended before the mount was ready${howItEnded(exit)}`, whereToLook(log), 'CLOSED');
    }
    return new MountError('SERVER_FAILED', error.message, whereToLook(log), error.code);
  }
  return new MountError('INTERNAL', error instanceof Error ? error.message : String(error));
}

export function howItEnded(exit: ServerExit | undefined): string {
  if (exit === undefined) return '';
  // The launcher ends with 128 + the signal that ended the server.
  const signal = exit.signal ?? (exit.status !== null && exit.status > 128 ? `signal ${exit.status - 128}` : undefined);
  return signal === undefined ? ` (exit status ${exit.status})` : ` (${signal})`;
}

function whereToLook(log: ServerLog): string {
  const lastLine = log.tail().trim().split('\n').at(-1) ?? '';
  if (lastLine !== '') return `it said: ${lastLine.slice(0, 400)}`;
  return log.place?.startsWith('journalctl') ? `see ${log.place}` : '';
}

function startHint(report: string): string {
  if (report.startsWith('making a user namespace')) return 'this kernel does not let you make user namespaces (sysctl user.max_user_namespaces)';
  if (report.startsWith('making namespaces')) return 'the container or its seccomp filter does not permit namespaces';
  return '';
}
