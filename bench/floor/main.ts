/** The server, with the filesystem of constants instead of ext4. */
import { wayIn } from '../../server/way-in.js';
import { serve } from '../../server/serve.js';

const way = wayIn(process.argv.slice(2), process.env);
process.exit(await serve({ way, thread: new URL('./thread.js', import.meta.url) }));
