import { constants } from 'node:os';
import { SeqpacketError } from './errors.js';

/** sockaddr_un has 108 bytes for the path and its NUL. */
const LONGEST_PATH = 107;

/** An empty path, or one that begins with a NUL, would be a name outside the file system. */
export function assertAddress(path: string, what: string): void {
  if (path === '' || path.includes('\0')) throw new SeqpacketError('SYSTEM', what, constants.errno.EINVAL);
  if (Buffer.byteLength(path) > LONGEST_PATH) throw new SeqpacketError('SYSTEM', what, constants.errno.ENAMETOOLONG);
}
