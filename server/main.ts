import { wayIn, UsageError } from './way-in.js';
import { log } from './log.js';
import { serve } from './serve.js';

const USAGE_EXIT = 2;

async function main(): Promise<never> {
  try {
    const way = wayIn(process.argv.slice(2), process.env);
    process.exit(await serve({ way, thread: new URL('./ext4-thread.cjs', import.meta.url) }));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    log('error', error.message);
    process.exit(USAGE_EXIT);
  }
}

void main();
