/** The server of directory trees. */
import { start } from './start.js';

void start({ thread: new URL('./passthrough-thread.cjs', import.meta.url), tree: true });
