import { constants } from 'node:os';
import type { FuseDevice } from './device.js';
import { NOTHING, withoutReply } from './dispatcher.js';
import type { Session } from './session.js';

const { EAGAIN, ECONNABORTED, EINTR, EIO, EINVAL, ENODEV, ENOENT } = constants.errno;

/** How a session came to its end. */
export type SessionEnd =
  | { readonly reason: 'unmounted' }
  /** Someone cut the connection through its control file, or umount -f. */
  | { readonly reason: 'aborted' }
  /** The server was told to go although the mount is there. */
  | { readonly reason: 'stopped' }
  | { readonly reason: 'refused'; readonly message: string }
  | { readonly reason: 'failed'; readonly message: string };

/** What `advance` leaves behind when the session goes on. */
const RUNNING = undefined;

/** Callers that were answered together come again within this time (ms), if they go on as before. */
const GATHERING = 0.1;

/**
 * Deferred requests are settled when no other is waiting: what several callers wait for, such as a
 * commit, is then done once for all of them.
 */
function settleWhenIdle(device: FuseDevice, session: Session): void {
  if (session.isPatient && device.hasRequest(session.expectsMore ? GATHERING : 0)) return;
  session.settle((length) => device.send(session.reply, length));
}

/** Handles postponed requests again once no other is waiting, or each after some others. */
function repeatPostponed(device: FuseDevice, session: Session): SessionEnd | undefined {
  while (session.postponed.isDue(!device.hasRequest(0))) {
    const end = answer(device, session, session.repeat(session.postponed));
    if (end !== RUNNING) return end;
  }
  return RUNNING;
}

/** Each that lacked something comes to its turn once, in case it has been read. */
function repeatUnread(device: FuseDevice, session: Session): SessionEnd | undefined {
  for (let left = session.lookAtUnread(); left > 0; left--) {
    const end = answer(device, session, session.repeat(session.unread));
    if (end !== RUNNING) return end;
  }
  return RUNNING;
}

/**
 * Takes one request, runs it to its end, and answers it. Everything that the filesystem thread does
 * after the mount is this, over and over.
 * @returns undefined while the session goes on
 */
export function advance(device: FuseDevice, session: Session): SessionEnd | undefined {
  if (session.worksInBackground) session.collect((length) => device.send(session.reply, length));
  if (session.postponed.count > 0) {
    const end = repeatPostponed(device, session);
    if (end !== RUNNING) return end;
  }
  if (session.areUnreadDue) {
    const end = repeatUnread(device, session);
    if (end !== RUNNING) return end;
  }
  if (session.owesReplies) settleWhenIdle(device, session);
  const length = device.receive(session.request, session.idleTime);
  if (length < 0) {
    notify(device, session);
    return afterReceiveError(-length);
  }
  return answer(device, session, session.handle(length));
}

/** Goes on with a request that waited until the kernel had written back what it caches. */
export const resume = (device: FuseDevice, session: Session, ticket: number): SessionEnd | undefined =>
  answer(device, session, session.resume(ticket));

/**
 * Answers what still comes with an error, while others wait for the kernel to write back: it would
 * wait for this server for ever.
 */
export function refuse(device: FuseDevice, { request, reply }: Session): SessionEnd | undefined {
  const length = device.receive(request, Infinity);
  if (length < 0) return afterReceiveError(-length);
  if (!request.decode(length) || withoutReply(request.opcode)) return RUNNING;
  device.send(reply, reply.fail(request.uniqueLow, request.uniqueHigh, -EIO));
  return RUNNING;
}

function answer(device: FuseDevice, session: Session, replyLength: number): SessionEnd | undefined {
  if (replyLength !== NOTHING) {
    const sent = device.send(session.reply, replyLength);
    if (sent < 0) {
      const end = afterSendError(-sent);
      if (end !== RUNNING) return end;
    }
  }
  notify(device, session);
  if (session.refusal !== undefined) return { reason: 'refused', message: session.refusal };
  return RUNNING;
}

/** A node that the kernel has forgotten meanwhile is ENOENT, and no loss. */
function notify(device: FuseDevice, session: Session): void {
  session.notify((length) => device.send(session.reply, length));
}

function afterReceiveError(errno: number): SessionEnd | undefined {
  switch (errno) {
    // The request was taken back before it could be read.
    case ENOENT:
    case EINTR:
    case EAGAIN:
      return RUNNING;
    case ENODEV:
      return { reason: 'unmounted' };
    case ECONNABORTED:
      return { reason: 'aborted' };
    default:
      return { reason: 'failed', message: `reading a request: errno ${errno}` };
  }
}

function afterSendError(errno: number): SessionEnd | undefined {
  switch (errno) {
    // The caller was killed meanwhile, and nobody waits for the reply.
    case ENOENT:
    case EINTR:
    case EAGAIN:
      return RUNNING;
    // The kernel did not like the reply and has answered the caller EIO.
    case EINVAL:
      return RUNNING;
    case ENODEV:
      return { reason: 'unmounted' };
    default:
      return { reason: 'failed', message: `sending a reply: errno ${errno}` };
  }
}
