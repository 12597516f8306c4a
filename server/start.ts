import { log } from './log.js';
import { serve, type ServeOptions } from './serve.js';
import { UsageError, wayIn } from './way-in.js';

const USAGE_EXIT = 2;

/** A server process, from its arguments to its end. */
export async function start(options: Omit<ServeOptions, 'way'>): Promise<never> {
  try {
    const way = wayIn(process.argv.slice(2), process.env);
    process.exit(await serve({ ...options, way }));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    log('error', error.message);
    process.exit(USAGE_EXIT);
  }
}
