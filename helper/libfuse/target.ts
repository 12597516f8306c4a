import { closeSync, constants as files, fstatSync, openSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { attachTo, type MountPoint } from '../mount/mount-point.js';
import { negativeErrno } from './permitted-files.js';

const { EACCES, EISDIR, ENOTDIR } = constants.errno;
const O_PATH = 0o10000000;

/** A directory or a regular file to mount on, held open. */
export interface Target extends MountPoint {
  /** S_IFDIR or S_IFREG. */
  readonly format: number;
}

/**
 * @param expected S_IFDIR or S_IFREG, or 0 for either
 * @returns a negative errno if it cannot be mounted on
 */
export function openTarget(path: string, expected: number): Target | number {
  let descriptor: number;
  try {
    descriptor = openSync(path, O_PATH);
  } catch (error) {
    return negativeErrno(error);
  }
  const stats = fstatSync(descriptor);
  const format = stats.isDirectory() ? files.S_IFDIR : stats.isFile() ? files.S_IFREG : undefined;
  if (format === undefined || (expected !== 0 && expected !== format)) {
    closeSync(descriptor);
    return format === undefined ? -EACCES : expected === files.S_IFDIR ? -ENOTDIR : -EISDIR;
  }
  return {
    descriptor,
    format,
    path: readlinkSync(`/proc/self/fd/${descriptor}`),
    attach: (mount) => attachTo(descriptor, mount),
    close: () => closeSync(descriptor),
  };
}
