import { closeSync, constants, fstatSync, openSync, realpathSync } from 'node:fs';
import { errorText, shim } from '../native/shim.js';
import { MountError } from './errors.js';
import { isRoot } from './identity.js';
import type { MountOptions } from './options.js';
import { kindOf, O_PATH, type Source } from './source.js';

/* MOUNT_ATTR_* of mount_setattr(2). */
const READ_ONLY = 0x1;
const NO_SUID = 0x2;
const NO_DEV = 0x4;
const NO_ACCESS_TIME = 0x10;
const ACCESS_TIMES = 0x70;

/**
 * Opens SOURCE, a directory: root's as a mount of its own that nobody else sees, whose root is that directory, to which
 * nothing belongs that is mounted below it, whose device nodes cannot be opened, and which is written only where that was
 * asked for. Others open it as it is, with their own rights, which are all that their server has.
 */
export function openTree(given: string, options: MountOptions): Source {
  refuseOthersOptions(options);
  if (options.helper.allowOther && !isRoot()) throw new MountError('PERMISSION', 'a directory that a user mounts is shown to this user only', "without 'allow_other' it can be mounted");
  const path = canonical(given);
  const policy = options.helper.policy === undefined ? undefined : openPolicy(options.helper.policy);
  const closePolicy = (): void => {
    if (policy !== undefined) closeSync(policy);
  };
  try {
    const descriptor = isRoot() ? clone(path, options) : openDirectory(path);
    return {
      descriptor,
      policy,
      name: path,
      path,
      kind: 'DIRECTORY',
      device: undefined,
      size: 0,
      sectorSize: 512,
      writable: !options.flags.readOnly,
      readOnlyBecause: undefined,
      release: () => undefined,
      close: () => {
        closeSync(descriptor);
        closePolicy();
      },
    };
  } catch (error) {
    closePolicy();
    throw error;
  }
}

/** What is meant for what lies on a device or in an image. */
function refuseOthersOptions({ helper: { offset, sizeLimit, server, journal } }: MountOptions): void {
  const given = { offset: offset > 0, sizelimit: sizeLimit > 0, server: server !== undefined, journal_path: journal.path !== undefined, journal_dev: journal.deviceNumber !== undefined };
  const [wrong] = Object.entries(given).find(([, isGiven]) => isGiven) ?? [];
  if (wrong !== undefined) throw new MountError('BAD_OPTION', `option '${wrong}' is not for directory trees`);
}

function canonical(given: string): string {
  try {
    return realpathSync(given);
  } catch {
    throw new MountError('SOURCE_NOT_FOUND', `directory ${given} does not exist`);
  }
}

function openDirectory(path: string): number {
  const descriptor = attempt(path, () => openSync(path, O_PATH | constants.O_NOFOLLOW));
  const stats = fstatSync(descriptor);
  if (stats.isDirectory()) return descriptor;
  closeSync(descriptor);
  throw new MountError('SOURCE_NOT_USABLE', `${path} is ${stats.isFile() ? 'a file' : kindOf(stats)}, not a directory`, 'without -t passthrough, images and devices are mounted');
}

function clone(path: string, { flags }: MountOptions): number {
  const directory = openDirectory(path);
  const withoutAccessTimes = flags.accessTime === 'noatime';
  const set = NO_SUID | NO_DEV | (flags.readOnly ? READ_ONLY : 0) | (withoutAccessTimes ? NO_ACCESS_TIME : 0);
  const result = shim.cloneTree(directory, set, withoutAccessTimes ? ACCESS_TIMES : 0);
  closeSync(directory);
  if (result >= 0) return result;
  throw new MountError('SOURCE_NOT_USABLE', `cannot take ${path} by itself: ${errorText(result)}`, 'Linux 5.12 or newer and CAP_SYS_ADMIN are needed', undefined, -result);
}

function openPolicy(path: string): number {
  const descriptor = attempt(path, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw new MountError('BAD_OPTION', `policy ${path} is not a file`);
}

function attempt(path: string, open: () => number): number {
  try {
    return open();
  } catch (error) {
    const errno = error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? error.errno : 0;
    throw new MountError('SOURCE_NOT_USABLE', `cannot open ${path}: ${errorText(errno)}`);
  }
}
