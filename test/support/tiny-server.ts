/** The server with the tiny filesystem in place of ext4. */
import { serve } from '../../server/serve.js';

process.exit(await serve({ way: 3, thread: new URL('./tiny-thread.js', import.meta.url) }));
