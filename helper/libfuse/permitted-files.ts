import { closeSync, constants as files, fstatSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { OPEN_QUIET, type OpenPacket } from '../../protocol/libfuse/packets.js';
import { errorText, shim } from '../native/shim.js';

const { EACCES, EINVAL, EIO } = constants.errno;
const ENOTBLK = 15;

/** From asm-generic/fcntl.h; x86 and arm differ where Node says so. */
const O_CLOEXEC = 0o2000000;
const O_LARGEFILE = 0o100000;
/**
 * Reading, writing, and how. What makes, truncates or appends to a file is not for a filesystem that was
 * given one; O_PATH and O_TMPFILE are for something else altogether.
 */
const PERMITTED_FLAGS =
  files.O_RDONLY | files.O_WRONLY | files.O_RDWR | files.O_EXCL | files.O_NOCTTY | files.O_NONBLOCK | files.O_DSYNC | files.O_SYNC |
  files.O_DIRECT | files.O_DIRECTORY | files.O_NOFOLLOW | files.O_NOATIME | O_CLOEXEC | O_LARGEFILE;

export type Complain = (message: string) => void;

/**
 * The files that a service may have: those that the caller named, and no other file of the machine. A
 * service is told what to mount by the same words.
 */
export class PermittedFiles {
  readonly #paths: ReadonlySet<string>;
  readonly #complain: Complain;

  /** @param options of the mount: the value of one, such as journal=/dev/sdc1, may name another device */
  constructor(source: string | undefined, options: readonly string[], complain: Complain) {
    const values = options.flatMap((word) => (word.includes('=') ? [word.slice(word.indexOf('=') + 1)] : []));
    this.#paths = new Set([...(source === undefined ? [] : [source]), ...values.filter((value) => value.startsWith('/'))]);
    this.#complain = complain;
  }

  /** @returns a descriptor, or a negative errno */
  open(request: OpenPacket): number {
    const result = this.#open(request);
    const isQuiet = (request.requestFlags & OPEN_QUIET) !== 0;
    if (result < 0 && !isQuiet) this.#complain(`${request.path} was not opened for the service: ${errorText(result)}`);
    return result;
  }

  #open({ type, path, openFlags, blockSize }: OpenPacket): number {
    if (!this.#paths.has(path)) return -EACCES;
    if ((openFlags & ~PERMITTED_FLAGS) !== 0) return -EINVAL;
    let descriptor: number;
    try {
      descriptor = openSync(path, openFlags | files.O_NOCTTY);
    } catch (error) {
      return negativeErrno(error);
    }
    const result = type === 'openBlockDevice' ? prepareBlockDevice(descriptor, blockSize) : 0;
    if (result >= 0) return descriptor;
    closeSync(descriptor);
    return result;
  }
}

function prepareBlockDevice(descriptor: number, blockSize: number): number {
  if (!fstatSync(descriptor).isBlockDevice()) return -ENOTBLK;
  return blockSize === 0 ? 0 : shim.setBlockSize(descriptor, blockSize);
}

/** Node's own errors carry negative numbers already. */
export const negativeErrno = (error: unknown): number =>
  error instanceof Error && 'errno' in error && typeof error.errno === 'number' && error.errno < 0 ? error.errno : -EIO;
