import { GetattrFlag, getattrFlags } from '../../protocol/fuse/requests.js';
import { isLackOfRoom, type FilesystemError } from '../ext4/errors.js';
import type { WritableFilesystem } from '../ext4/writable-filesystem.js';
import { POSTPONED, type Handler } from '../session/handler.js';
import type { Request } from '../session/request.js';
import type { StaleAttributes } from './stale-attributes.js';

/** More files than are written at a time. What came first is forgotten where there are more. */
const MOST = 1024;

interface WritebackError {
  readonly errno: number;
  /** Clusters that were free then. */
  readonly free: number;
}

/**
 * Of which files the kernel could not write back what it had cached, for lack of room. The kernel takes more all the
 * same and tells nobody before fsync(2) or close(2): who writes without end would never stop. So the next write(2) is
 * told, once; it asks for attributes if it was made to doubt them, and its question shows that it has an open file.
 */
export class WritebackErrors {
  /** Before Linux 5.16 read(2) asks, too: it is not to fail for that. */
  possible = false;
  readonly #errors = new Map<number, WritebackError>();

  get isEmpty(): boolean {
    return this.#errors.size === 0;
  }

  has(nodeid: number): boolean {
    return this.#errors.has(nodeid);
  }

  add(nodeid: number, errno: number, free: number): void {
    this.#errors.delete(nodeid);
    for (const [first] of this.#errors) {
      if (this.#errors.size < MOST) break;
      this.#errors.delete(first);
    }
    this.#errors.set(nodeid, { errno, free });
  }

  /** @returns the errno to be told, or 0: also if there is more room now than there was */
  take(nodeid: number, free: number): number {
    const error = this.#errors.get(nodeid);
    this.#errors.delete(nodeid);
    return error === undefined || free > error.free ? 0 : error.errno;
  }

  forget(nodeid: number): void {
    this.#errors.delete(nodeid);
  }
}

/** What the handlers below work on. */
interface Parts {
  readonly writebackErrors: WritebackErrors;
  readonly staleAttributes: StaleAttributes;
  readonly writable: WritableFilesystem;
}

/** A handler of WRITE that keeps such errors of what the kernel writes back. */
export function keepingWritebackErrors({ writebackErrors, staleAttributes, writable }: Parts, isCached: (request: Request) => boolean, handle: Handler): Handler {
  return (request, reply) => {
    try {
      return handle(request, reply);
    } catch (error) {
      if (writebackErrors.possible && isLackOfRoom(error) && isCached(request)) {
        writebackErrors.add(request.nodeid, (error as FilesystemError).errno, writable.counters.totals.freeClusters);
        staleAttributes.add(request.nodeid);
      }
      throw error;
    }
  };
}

/** A handler of GETATTR that tells of them. */
export function tellingWritebackErrors({ writebackErrors, staleAttributes, writable }: Parts, handle: Handler): Handler {
  return (request, reply) => {
    const { nodeid, view, bodyOffset } = request;
    if (writebackErrors.isEmpty || !writebackErrors.has(nodeid)) return handle(request, reply);
    if ((getattrFlags(view, bodyOffset) & GetattrFlag.FH) === 0) {
      // Who looks at the file makes the kernel trust what it knows of it again.
      staleAttributes.add(nodeid);
      return handle(request, reply);
    }
    // What was unlinked is room.
    if (!request.isRepeated && !writable.orphans.isEmpty) return POSTPONED;
    const errno = writebackErrors.take(nodeid, writable.counters.totals.freeClusters);
    return errno === 0 ? handle(request, reply) : -errno;
  };
}
