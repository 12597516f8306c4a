/** Block devices as sysfs has them: which disk one is a part of, and what a mapping (LVM, LUKS, RAID) lies on. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MountError } from '../mount/errors.js';
import { namesIn } from '../mount/names-in.js';

/** A directory for each block device that is there. */
export const SYSTEM_DEVICES = '/sys/class/block';

export interface BlockDevice {
  /** sdb1 */
  readonly name: string;
  /** Below /sys/devices. */
  readonly directory: string;
}

/** That a mapping is made of, and what these are made of. */
const MOST = 256;

/** It becomes a part of paths. */
export function assertName(name: string): void {
  if (!/^(dm-\d{1,7}|[a-z][a-z0-9_]{0,63})$/iu.test(name)) throw new MountError('USAGE', `"${name}" is not the name of a block device such as sdb1`);
}

/** @param devices SYSTEM_DEVICES. @throws MountError where there is none */
export function blockDevice(name: string, devices: string): BlockDevice {
  try {
    return { name, directory: realpathSync(join(devices, name)) };
  } catch {
    throw new MountError('SOURCE_NOT_FOUND', `there is no block device ${name}`);
  }
}

/** Empty where it has no such attribute. */
export function attribute({ directory }: BlockDevice, name: string): string {
  try {
    return readFileSync(join(directory, name), 'latin1').trim();
  } catch {
    return '';
  }
}

/** What it is a partition of, or itself. */
export function diskOf(device: BlockDevice): BlockDevice {
  if (!existsSync(join(device.directory, 'partition'))) return device;
  const directory = dirname(device.directory);
  return { name: basename(directory), directory };
}

export const isLoop = ({ directory }: BlockDevice): boolean => existsSync(join(directory, 'loop'));

/** Of device-mapper. */
export const isMapping = ({ directory }: BlockDevice): boolean => existsSync(join(directory, 'dm'));

/** All that are there. */
export function blockDevices(devices: string): readonly BlockDevice[] {
  return namesIn(devices).flatMap((name) => {
    try {
      return [blockDevice(name, devices)];
    } catch {
      // It has just gone.
      return [];
    }
  });
}

/** Disks and partitions that it lies on in the end: itself, if it is no mapping. */
export function foundationsOf(device: BlockDevice, devices: string): readonly BlockDevice[] {
  const found = new Map<string, BlockDevice>();
  const pending = [device];
  let count = 0;
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    if (++count > MOST) throw new MountError('SOURCE_NOT_USABLE', `${device.name} lies on more devices than are looked at (${MOST})`);
    const below = namesIn(join(diskOf(one).directory, 'slaves'));
    if (below.length === 0) found.set(one.name, one);
    for (const name of below) pending.push(blockDevice(name, devices));
  }
  return [...found.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}
