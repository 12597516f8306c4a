import { constants } from 'node:os';
import type { Channel } from '../../protocol/seqpacket/channel.js';
import { SeqpacketError } from '../../protocol/seqpacket/errors.js';
import { Listener } from '../../protocol/seqpacket/listener.js';
import { log } from '../log.js';
import { serverShim } from '../native/shim.js';
import type { ThreadControl } from './thread-control.js';

const { EINTR } = constants.errno;
const FOR_EVER = -1;
/** Whoever was waiting may have gone before it is accepted. */
const ACCEPT_MILLISECONDS = 100;

/**
 * Waits for the helper to connect, as long as it takes; nobody else can, from then on. Undefined if the
 * server is to stop before.
 */
export function acceptHelper(socket: number, control: ThreadControl): Channel | undefined {
  const listener = Listener.adopt(socket);
  try {
    while (!control.stopRequested) {
      const ready = serverShim.awaitReadable(socket, FOR_EVER);
      if (ready < 0 && ready !== -EINTR) throw new SeqpacketError('SYSTEM', 'waiting for a helper', -ready);
      const channel = ready > 0 ? accept(listener) : undefined;
      if (channel !== undefined) return channel;
    }
    return undefined;
  } finally {
    listener.close();
  }
}

function accept(listener: Listener): Channel | undefined {
  let channel: Channel;
  try {
    channel = listener.accept(ACCEPT_MILLISECONDS);
  } catch (error) {
    if (error instanceof SeqpacketError && error.code === 'TIMEOUT') return undefined;
    throw error;
  }
  const { uid } = channel.peer();
  if (isHelper(uid)) return channel;
  log('warning', `user ${uid} is not the helper: its connection is closed`);
  channel.close();
  return undefined;
}

/** Root, or whoever has started us; in a user namespace, root outside is shown as the user that no one is. */
const isHelper = (uid: number): boolean => uid === 0 || uid === process.geteuid?.();
