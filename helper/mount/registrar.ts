import { spawn } from 'node:child_process';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { installedFile } from './server-root.js';

/**
 * Leaves a process behind that registers files for the kernel to read and write itself (register-backing.c), which takes
 * CAP_SYS_ADMIN. It ends with the server: with the last descriptor of the other end of its socket.
 * @returns the end for the server, which is the caller's to close
 */
export function startRegistrar(fuse: number, tree: number, readOnly: boolean): Channel {
  const [ours, theirs] = Channel.pair();
  const child = spawn(installedFile('build/Release/register-backing'), [readOnly ? 'ro' : 'rw'], {
    cwd: '/',
    detached: true,
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', theirs.fd, fuse, tree],
  });
  theirs.close();
  // One that could not be started answers nothing, and the server does without.
  child.on('error', () => undefined);
  child.unref();
  return ours;
}
