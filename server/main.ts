import { inheritedSocket, UsageError } from './inherited-socket.js';
import { log } from './log.js';
import { serve } from './serve.js';

const USAGE_EXIT = 2;

try {
  const socket = inheritedSocket(process.argv.slice(2), process.env);
  process.exit(await serve({ socket, filesystem: new URL('./operations/filesystem.js', import.meta.url) }));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  log('error', error.message);
  process.exit(USAGE_EXIT);
}
