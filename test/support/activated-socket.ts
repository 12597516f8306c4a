/**
 * A service manager of one SOCK_SEQPACKET socket, as systemd with Accept=yes: each connection gets a
 * program of its own, with the connection as descriptor 3. activated-socket.js PATH PROGRAM [ARGUMENT…]
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { Listener } from '../../protocol/seqpacket/listener.js';
import { SeqpacketError } from '../../protocol/seqpacket/errors.js';

const INTERVAL = 20;

const [path = '', ...program] = process.argv.slice(2);
mkdirSync(dirname(path), { recursive: true });
const listener = Listener.bind(path);
process.stdout.write('listening\n');

/** Accepting blocks the thread, so that it is done in turns with everything else. */
function turn(): void {
  try {
    const channel = listener.accept(0);
    // The process id is known to the process alone, and the shell becomes the program.
    const child = spawn('/bin/sh', ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', 'sh', ...program], { stdio: ['ignore', 'inherit', 'inherit', channel.fd] });
    channel.close();
    child.on('exit', (status, signal) => process.stdout.write(`exit ${status ?? signal}\n`));
  } catch (error) {
    if (!(error instanceof SeqpacketError && error.code === 'TIMEOUT')) throw error;
  }
}

const turns = setInterval(turn, INTERVAL);
process.stdin.resume().on('end', () => {
  clearInterval(turns);
  listener.close();
  rmSync(path, { force: true });
});
