import { loadShim } from '../../native/load.js';

/** Every function returns what the system call does, or a negative errno; see native/seqpacket.c. */
interface SeqpacketShim {
  socketpair(ends: Int32Array): number;
  listen(path: string, backlog: number): number;
  accept(fd: number): number;
  connect(path: string, milliseconds: number): number;
  send(fd: number, packet: Uint8Array, descriptors: Int32Array): number;
  receive(fd: number, packet: Uint8Array, descriptors: Int32Array, outcome: Int32Array): number;
  poll(fd: number, events: number, milliseconds: number): number;
  getOption(fd: number, option: number): number;
  setOption(fd: number, option: number, value: number): number;
  peerCredentials(fd: number, credentials: Int32Array): number;
  peerGroups(fd: number, groups: Int32Array): number;
  pidfdOpen(pid: number): number;
  pollMany(fds: Int32Array, occurred: Int32Array, milliseconds: number): number;
  setCloseOnExec(fd: number, on: number): number;
}

export const shim = loadShim<SeqpacketShim>('seqpacket');

/** The kernel's numbers, for the architectures that Node runs on. */
export const POLLIN = 0x001;
export const POLLOUT = 0x004;
export const POLLRDHUP = 0x2000;
export const MSG_CTRUNC = 0x08;
export const MSG_TRUNC = 0x20;
export const SO_TYPE = 3;
export const SO_SNDBUF = 7;
export const SO_DOMAIN = 39;
export const SO_PEERPIDFD = 77;
export const SO_PASSRIGHTS = 83;
export const AF_UNIX = 1;
export const SOCK_SEQPACKET = 5;
