import { constants } from 'node:os';
import { serverShim } from '../native/shim.js';
import type { Reply } from './reply.js';
import type { Request } from './request.js';
import { Patience } from './patience.js';

const { EAGAIN } = constants.errno;
const FOR_EVER = Infinity;

/** Where requests come from and replies go: /dev/fuse, or in tests a socket. */
export interface FuseDevice {
  /** Waits so many milliseconds for a request and reads it to `request.start`. @returns its length, or a negative errno */
  receive(request: Request, milliseconds: number): number;
  /** Whether a request is waiting, or comes within so many milliseconds (below 1: the thread stays awake). */
  hasRequest(milliseconds: number): boolean;
  /** Whether requests come faster than they are answered, and one is waiting. */
  othersWait(): boolean;
  /** @returns the bytes sent, or a negative errno */
  send(reply: Reply, length: number): number;
}

/** One descriptor of a mounted /dev/fuse: replies go to the descriptor that the request was read from. */
export function fuseDevice(descriptor: number): FuseDevice {
  serverShim.dontBlock(descriptor);
  const patience = new Patience();
  let cameAtOnce = false;
  const readWithin = (request: Request, nanoseconds: number): number =>
    serverShim.readWithin(descriptor, request.bytes, request.start, request.capacity, nanoseconds);
  const hasRequest = (milliseconds: number): boolean => {
    const end = milliseconds === 0 ? 0 : performance.now() + milliseconds;
    do {
      if (serverShim.awaitReadable(descriptor, 0) > 0) return true;
    } while (milliseconds > 0 && performance.now() < end);
    return false;
  };
  return {
    receive(request, milliseconds) {
      const nanoseconds = patience.wait();
      let length = readWithin(request, 0);
      cameAtOnce = length !== -EAGAIN;
      if (length === -EAGAIN && nanoseconds > 0) length = readWithin(request, nanoseconds);
      patience.learn(nanoseconds, length !== -EAGAIN);
      if (length === -EAGAIN) {
        const ready = serverShim.awaitReadable(descriptor, milliseconds < FOR_EVER ? Math.ceil(milliseconds) : -1);
        if (ready !== 0) length = ready < 0 ? ready : readWithin(request, 0);
      }
      patience.begin();
      return length;
    },
    hasRequest,
    othersWait: () => cameAtOnce && hasRequest(0),
    send: (reply, length) => serverShim.writeFrom(descriptor, reply.bytes, reply.start, length),
  };
}
