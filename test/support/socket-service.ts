/** A service manager of one socket: each connection gets a tiny server of its own. socket-service.js PATH */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Listener } from '../../protocol/seqpacket/listener.js';

const [path = ''] = process.argv.slice(2);
mkdirSync(dirname(path), { recursive: true });
const listener = Listener.bind(path);
process.stdout.write('listening\n');
const channel = listener.accept(60_000);
spawn(process.execPath, [fileURLToPath(new URL('./tiny-server.js', import.meta.url))], {
  stdio: ['ignore', 'ignore', 'inherit', channel.fd],
});
channel.close();
listener.close();
