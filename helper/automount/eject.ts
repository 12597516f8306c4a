/** Gives a device back that is not mounted any more: its medium is ejected, a loop device is taken from its file. */
import { closeSync, constants, existsSync, fsyncSync, openSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MountError } from '../mount/errors.js';
import { errorName, errorText, shim } from '../native/shim.js';
import { assertName, SYSTEM_DEVICES } from './device.js';
import { read, write } from './record.js';

/** Whoever looked at the device when it was unmounted may take so many milliseconds. */
const PATIENCE = 3000;
const LOOK = 20;

/** No such command for this device, in the words of its driver. */
const NOT_FOR_THIS: readonly string[] = ['ENOTTY', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'ENXIO'];

export interface Ejected {
  /** /dev/sdb, of which the filesystem was a partition, or all. */
  readonly disk: string;
  readonly how: 'ejected' | 'detached';
}

/** @param name sdb1. @param records where it is noted, for whoever watches; the rest is done when the device goes */
export async function eject(name: string, records: string): Promise<Ejected> {
  const disk = diskOf(name);
  const node = join('/dev', disk);
  const descriptor = await claim(node);
  try {
    fsyncSync(descriptor);
    const isLoop = existsSync(join(SYSTEM_DEVICES, disk, 'loop'));
    const result = isLoop ? shim.detachLoop(descriptor) : shim.ejectMedium(descriptor);
    if (result < 0) throw failure(node, result);
    const record = read(records, name);
    if (record?.state === 'mounted') write(records, { ...record, state: 'ejected' });
    return { disk: node, how: isLoop ? 'detached' : 'ejected' };
  } finally {
    closeSync(descriptor);
  }
}

function diskOf(name: string): string {
  assertName(name);
  try {
    const directory = realpathSync(join(SYSTEM_DEVICES, name));
    return basename(existsSync(join(directory, 'partition')) ? dirname(directory) : directory);
  } catch {
    throw new MountError('SOURCE_NOT_FOUND', `there is no block device ${name}`);
  }
}

/** Nobody has mounted it, or a partition of it, as long as we have it. */
async function claim(node: string): Promise<number> {
  for (const deadline = performance.now() + PATIENCE; ; await pause(LOOK)) {
    try {
      return openSync(node, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_EXCL);
    } catch (error) {
      const { code, errno = 0 } = error as NodeJS.ErrnoException;
      if (code !== 'EBUSY') throw new MountError('SOURCE_NOT_USABLE', `cannot open ${node}: ${errorText(errno)}`);
      if (performance.now() > deadline) throw new MountError('SOURCE_BUSY', `${node} is in use: something of it is mounted still`, `lsblk ${node} shows what`);
    }
  }
}

function failure(node: string, result: number): MountError {
  if (!NOT_FOR_THIS.includes(errorName(result))) return new MountError('SOURCE_NOT_USABLE', `${node} was not ejected: ${errorText(result)}`, '', undefined, -result);
  return new MountError('SOURCE_NOT_USABLE', `${node} has nothing to eject`, 'it is not mounted, and can be pulled out', undefined, -result);
}
