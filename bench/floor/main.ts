/** The server, with the filesystem of constants instead of ext4. */
import { inheritedSocket } from '../../server/inherited-socket.js';
import { serve } from '../../server/serve.js';

const socket = inheritedSocket(process.argv.slice(2), process.env);
process.exit(await serve({ socket, filesystem: new URL('./filesystem.js', import.meta.url) }));
