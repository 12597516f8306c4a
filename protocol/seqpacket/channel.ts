/**
 * One end of an AF_UNIX SOCK_SEQPACKET connection: packets of at most 64 KiB that carry descriptors.
 *
 *   const channel = Channel.connect('/run/fuse4fs/server', 5000);   // or pair(), adopt(fd), listener.accept()
 *   channel.send(bytes, [fd], 1000);                                // fd stays the caller's
 *   const { bytes, descriptors } = channel.receive(1000);           // descriptors are now the caller's
 *   channel.close();
 *
 * Everything is synchronous: send and receive block the thread, for the given milliseconds at most.
 * Failures are SeqpacketError; one that occurs while receiving has closed all received descriptors.
 */
import { constants } from 'node:os';
import { assertAddress } from './address.js';
import { closeDescriptors, setCloseOnExec } from './descriptors.js';
import { SeqpacketError } from './errors.js';
import * as abi from './shim.js';
import { shim } from './shim.js';
import { Deadline, waitFor } from './wait.js';

export const MAX_PACKET = 65536;
/** The largest set that a message of protocol/service has: 64 clones of /dev/fuse and the status socket. */
export const MAX_DESCRIPTORS = 65;

export interface Packet {
  readonly bytes: Uint8Array;
  readonly descriptors: readonly number[];
}

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

const { EAGAIN, ECONNRESET, EINTR, ENOPROTOOPT, EPIPE } = constants.errno;

export class Channel {
  readonly #fd: number;
  #open = true;
  /** Looked at, and not yet received. */
  #ahead: Packet | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Two connected ends, for a server that the helper starts itself. */
  static pair(): [Channel, Channel] {
    const ends = new Int32Array(2);
    check(shim.socketpair(ends), 'socketpair');
    const [one = -1, other = -1] = ends;
    return [new Channel(one), new Channel(other)];
  }

  static connect(path: string, milliseconds: number): Channel {
    const what = `connecting to ${path}`;
    assertAddress(path, what);
    // A send timeout of zero would mean for ever.
    const fd = shim.connect(path, Math.max(1, new Deadline(milliseconds).remaining()));
    if (fd === -EAGAIN) throw new SeqpacketError('TIMEOUT', `${what}: timed out`);
    return new Channel(check(fd, what));
  }

  /** A connected socket that was inherited. It becomes close-on-exec, and the channel's to close. */
  static adopt(fd: number): Channel {
    const isSeqpacket =
      shim.getOption(fd, abi.SO_DOMAIN) === abi.AF_UNIX && shim.getOption(fd, abi.SO_TYPE) === abi.SOCK_SEQPACKET;
    if (!isSeqpacket) throw new SeqpacketError('NOT_SEQPACKET', `descriptor ${fd} is not a SOCK_SEQPACKET unix socket`);
    setCloseOnExec(fd, true);
    return new Channel(fd);
  }

  /** For poll loops and for children that inherit it; the channel keeps it. */
  get fd(): number {
    return this.#fd;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  send(bytes: Uint8Array, descriptors: readonly number[], milliseconds: number): void {
    this.#assertOpen('sending');
    if (bytes.length > MAX_PACKET) {
      throw new SeqpacketError('TOO_LONG', `a packet of ${bytes.length} bytes exceeds the limit of ${MAX_PACKET}`);
    }
    if (descriptors.length > MAX_DESCRIPTORS) {
      throw new SeqpacketError('TOO_MANY_DESCRIPTORS', `${descriptors.length} descriptors exceed the limit of ${MAX_DESCRIPTORS}`);
    }
    const deadline = new Deadline(milliseconds);
    const carried = Int32Array.from(descriptors);
    for (;;) {
      const sent = shim.send(this.#fd, bytes, carried);
      if (sent >= 0) return;
      if (sent === -EAGAIN) waitFor(this.#fd, abi.POLLOUT, deadline, 'sending a packet');
      else if (sent === -EPIPE || sent === -ECONNRESET) throw new SeqpacketError('CLOSED', 'sending a packet: the peer is gone', -sent);
      else if (sent !== -EINTR) throw new SeqpacketError('SYSTEM', 'sending a packet', -sent);
    }
  }

  /** The bytes of the packet that `receive` returns next. */
  peek(milliseconds: number): Uint8Array {
    this.#ahead ??= this.receive(milliseconds);
    return this.#ahead.bytes;
  }

  receive(milliseconds: number): Packet {
    this.#assertOpen('receiving');
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) return ahead;
    const deadline = new Deadline(milliseconds);
    const buffer = new Uint8Array(MAX_PACKET);
    const descriptors = new Int32Array(MAX_DESCRIPTORS);
    const outcome = new Int32Array(2);
    for (;;) {
      const length = shim.receive(this.#fd, buffer, descriptors, outcome);
      const [flags = 0, count = 0] = outcome;
      if (length >= 0) return this.#accepted(buffer.subarray(0, length), [...descriptors.subarray(0, count)], flags);
      // ECONNRESET says once that the peer left without reading all that we sent. What it said before is still queued.
      if (length === -EAGAIN) waitFor(this.#fd, abi.POLLIN, deadline, 'waiting for a packet');
      else if (length !== -EINTR && length !== -ECONNRESET) throw new SeqpacketError('SYSTEM', 'receiving a packet', -length);
    }
  }

  #accepted(bytes: Uint8Array, descriptors: readonly number[], flags: number): Packet {
    const refuse = (code: 'CLOSED' | 'TOO_LONG' | 'TOO_MANY_DESCRIPTORS', message: string): never => {
      closeDescriptors(descriptors);
      throw new SeqpacketError(code, message);
    };
    if (flags & abi.MSG_CTRUNC) {
      return refuse('TOO_MANY_DESCRIPTORS', 'a packet carries more descriptors than this process can take');
    }
    if (flags & abi.MSG_TRUNC) return refuse('TOO_LONG', `a packet exceeds the limit of ${MAX_PACKET} bytes`);
    if (bytes.length === 0 && this.#peerIsGone()) return refuse('CLOSED', 'the peer closed the connection');
    return { bytes, descriptors };
  }

  /** Whether `receive` would return, or fail, without waiting. */
  isReadable(): boolean {
    this.#assertOpen('polling');
    return this.#ahead !== undefined || shim.poll(this.#fd, abi.POLLIN, 0) > 0;
  }

  /** Tells the end of the connection from an empty packet: recvmsg returns 0 for both. */
  #peerIsGone(): boolean {
    return (shim.poll(this.#fd, abi.POLLRDHUP, 0) & abi.POLLRDHUP) !== 0;
  }

  /** Who connected, or made the pair, as the kernel saw it then. */
  peer(): PeerCredentials {
    const credentials = new Int32Array(3);
    check(shim.peerCredentials(this.#fd, credentials), 'reading the credentials of the peer');
    const [pid = 0, uid = 0, gid = 0] = credentials;
    return { pid, uid: uid >>> 0, gid: gid >>> 0 };
  }

  /** Its supplementary groups. */
  peerGroups(): number[] {
    const groups = new Int32Array(65536);
    const count = check(shim.peerGroups(this.#fd, groups), 'reading the groups of the peer');
    return [...groups.subarray(0, count)].map((group) => group >>> 0);
  }

  /** A descriptor of its process, the caller's to close; undefined where the kernel is older than 6.5, or it has ended. */
  peerProcess(): number | undefined {
    const descriptor = shim.getOption(this.#fd, abi.SO_PEERPIDFD);
    return descriptor < 0 ? undefined : descriptor;
  }

  /**
   * From now on the kernel refuses (EPERM, at the sender) packets that carry descriptors to this end.
   * False where the kernel is older than 6.16; received descriptors must be closed and refused in any case.
   */
  refuseDescriptors(): boolean {
    const result = shim.setOption(this.#fd, abi.SO_PASSRIGHTS, 0);
    if (result === -ENOPROTOOPT) return false;
    check(result, 'switching SO_PASSRIGHTS off');
    return true;
  }

  /** How much may be on its way to the peer, as the kernel counts it; undefined where that cannot be found out. */
  get sendBuffer(): number | undefined {
    const bytes = shim.getOption(this.#fd, abi.SO_SNDBUF);
    return bytes < 0 ? undefined : bytes;
  }

  /** May be called more than once. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeDescriptors([this.#fd, ...(this.#ahead?.descriptors ?? [])]);
    this.#ahead = undefined;
  }

  #assertOpen(what: string): void {
    if (!this.#open) throw new SeqpacketError('CLOSED', `${what}: this end is closed`);
  }
}

function check(result: number, what: string): number {
  if (result < 0) throw new SeqpacketError('SYSTEM', what, -result);
  return result;
}
