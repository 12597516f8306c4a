import { constants } from 'node:os';
import { assertAddress } from './address.js';
import { Channel } from './channel.js';
import { closeDescriptors, setCloseOnExec } from './descriptors.js';
import { SeqpacketError } from './errors.js';
import { POLLIN, shim } from './shim.js';
import { Deadline, waitFor } from './wait.js';

const { EAGAIN, ECONNABORTED, EINTR } = constants.errno;

/**
 * A listening SOCK_SEQPACKET unix socket. The caller chooses a directory whose permissions say who may
 * connect, and removes the path afterwards.
 */
export class Listener {
  readonly fd: number;
  #open = true;

  private constructor(fd: number) {
    this.fd = fd;
  }

  static bind(path: string, backlog = 16): Listener {
    const what = `listening on ${path}`;
    assertAddress(path, what);
    const fd = shim.listen(path, backlog);
    if (fd < 0) throw new SeqpacketError('SYSTEM', what, -fd);
    return new Listener(fd);
  }

  /** A listening socket that was handed over; it becomes close-on-exec, and the listener's to close. */
  static adopt(fd: number): Listener {
    setCloseOnExec(fd, true);
    return new Listener(fd);
  }

  /** Undefined if nobody waits to be accepted. */
  acceptWaiting(): Channel | undefined {
    if (shim.poll(this.fd, POLLIN, 0) <= 0) return undefined;
    const fd = shim.accept(this.fd);
    if (fd >= 0) return Channel.adopt(fd);
    if (fd === -EAGAIN || fd === -EINTR || fd === -ECONNABORTED) return undefined;
    throw new SeqpacketError('SYSTEM', 'accepting a connection', -fd);
  }

  accept(milliseconds: number): Channel {
    const deadline = new Deadline(milliseconds);
    for (;;) {
      const fd = shim.accept(this.fd);
      if (fd >= 0) return Channel.adopt(fd);
      if (fd === -EAGAIN) waitFor(this.fd, POLLIN, deadline, 'waiting for a connection');
      else if (fd !== -EINTR && fd !== -ECONNABORTED) throw new SeqpacketError('SYSTEM', 'accepting a connection', -fd);
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeDescriptors([this.fd]);
  }
}
