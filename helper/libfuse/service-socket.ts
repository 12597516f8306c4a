import { basename, join } from 'node:path';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { SeqpacketError } from '../../protocol/seqpacket/errors.js';
import { MountError } from '../mount/errors.js';

/** Where libfuse's services listen, each under the name of its filesystem. */
const DIRECTORY = '/run/filesystems';

/** A service, and what its filesystem is called. */
export interface Service {
  readonly socket: string;
  readonly name: string;
}

/** @param type as after -t: "fuse.NAME", or the name itself */
export function serviceOfType(type: string): Service {
  const name = type.replace(/^(?:fuse|fuseblk)\./u, '');
  if (name === '' || name.includes('/')) throw new MountError('USAGE', `'${type}' names no filesystem`, 'it is fuse.NAME');
  return { socket: join(DIRECTORY, name), name };
}

/** @param given the path of a socket, or the name of a filesystem */
export const serviceAt = (given: string): Service =>
  given.includes('/') ? { socket: given, name: basename(given) } : serviceOfType(given);

/** Long enough for systemd to accept when it is busy. */
const CONNECT_TIMEOUT = 5000;

const ENOENT = 2;
const ENOTDIR = 20;
const ECONNREFUSED = 111;
const NOBODY_LISTENS: readonly number[] = [ENOENT, ENOTDIR, ECONNREFUSED];

export function connect({ socket, name }: Service): Channel {
  try {
    return Channel.connect(socket, CONNECT_TIMEOUT);
  } catch (error) {
    if (!(error instanceof SeqpacketError)) throw error;
    const hint = NOBODY_LISTENS.includes(error.errno) ? `nothing offers the filesystem ${name} there` : '';
    throw new MountError('SERVER_NOT_STARTED', error.message, hint);
  }
}
