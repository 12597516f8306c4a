import { loadShim } from '../../native/load.js';

/** server.c: every call returns its result, or a negative errno. */
export interface ServerShim {
  /** How far behind a page boundary the array's first byte lies. */
  pageOffset(bytes: Uint8Array): number;
  /** read(2) into bytes[offset, offset+length). */
  readInto(descriptor: number, bytes: Uint8Array, offset: number, length: number): number;
  /** write(2) of bytes[offset, offset+length). */
  writeFrom(descriptor: number, bytes: Uint8Array, offset: number, length: number): number;
  /** Positive where a read would not block. */
  isReadable(descriptor: number): number;
  /** The calling thread's id. Its blocking calls can be interrupted from now on. */
  interruptible(): number;
  /** Makes the call in which that thread blocks return EINTR; lost if it blocks in none. */
  interrupt(thread: number): number;
  prctl(option: number, argument: number): number;
  /** Lowers soft and hard limit of a resource (RLIMIT_*). */
  limit(resource: number, maximum: number): number;
  /** Binds every thread to the list of system calls in seccomp.c; others fail with EPERM, or are only logged. */
  seccomp(logOnly: 0 | 1): number;
}

export const serverShim: ServerShim = loadShim<ServerShim>('server');
