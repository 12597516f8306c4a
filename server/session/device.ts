import { serverShim } from '../native/shim.js';
import type { Reply } from './reply.js';
import type { Request } from './request.js';

/** Where requests come from and replies go: /dev/fuse, or in tests a socket. */
export interface FuseDevice {
  /** Waits for a request and reads it to `request.start`. @returns its length, or a negative errno */
  receive(request: Request): number;
  /** Whether a request is waiting. */
  hasRequest(): boolean;
  /** @returns the bytes sent, or a negative errno */
  send(reply: Reply, length: number): number;
}

/** One descriptor of a mounted /dev/fuse: replies go to the descriptor that the request was read from. */
export function fuseDevice(descriptor: number): FuseDevice {
  return {
    receive: (request) => serverShim.readInto(descriptor, request.bytes, request.start, request.capacity),
    hasRequest: () => serverShim.isReadable(descriptor) > 0,
    send: (reply, length) => serverShim.writeFrom(descriptor, reply.bytes, reply.start, length),
  };
}
