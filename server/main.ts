/** The server of ext2, ext3 and ext4. */
import { start } from './start.js';

void start({ thread: new URL('./ext4-thread.cjs', import.meta.url) });
