import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { SeqpacketError } from '../protocol/seqpacket/errors.js';
import { Listener } from '../protocol/seqpacket/listener.js';
import { UsageError } from './way-in.js';

/** Only one helper comes, once. */
const BACKLOG = 1;

/**
 * Where a helper will connect that runs elsewhere: in another container, or outside of all. The socket
 * of a server that ran here before us is replaced: nobody takes it away when a server is killed.
 */
export function listenForHelper(path: string): number {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
    const { fd } = Listener.bind(path, BACKLOG);
    chmodSync(path, 0o600);
    return fd;
  } catch (error) {
    if (!(error instanceof SeqpacketError) && !(error instanceof Error && 'syscall' in error)) throw error;
    throw new UsageError(error.message);
  }
}
