import { log } from './log.js';
import { serverShim } from './native/shim.js';
import { serve, type ServeOptions } from './serve.js';
import { UsageError, wayIn } from './way-in.js';

const USAGE_EXIT = 2;

/** Node since 22 makes one as it starts, and aborts when the filter of system calls takes it away. */
const RING = `Node ${process.version} waits by way of io_uring, which no filter of system calls can see through: start the server where io_uring is refused (a seccomp profile without io_uring_setup, or the sysctl kernel.io_uring_disabled=2), or with Node 20`;

/** A server process, from its arguments to its end. */
export async function start(options: Omit<ServeOptions, 'way'>): Promise<never> {
  try {
    const way = wayIn(process.argv.slice(2), process.env);
    if (serverShim.hasRing() > 0) throw new UsageError(RING);
    process.exit(await serve({ ...options, way }));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    log('error', error.message);
    process.exit(USAGE_EXIT);
  }
}
