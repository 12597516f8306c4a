/** Gives a device back that is not mounted any more: its medium is ejected, a loop device is taken from its file, a drive is switched off. */
import { closeSync, constants, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MountError } from '../mount/errors.js';
import { errorName, errorText, shim } from '../native/shim.js';
import { powerSwitchOf, switchOff, type PowerSwitch } from './power.js';
import { read, write } from './record.js';
import { assertName, blockDevice, diskOf, isLoop, isMapping, type BlockDevice } from './sysfs.js';

/** Whoever looked at the device when it was unmounted may take so many milliseconds. */
const PATIENCE = 3000;
const LOOK = 20;

/** No such command for this device, in the words of its driver. */
const NOT_FOR_THIS: readonly string[] = ['ENOTTY', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'ENXIO'];

export interface Ejected {
  /** /dev/sdb, of which the filesystem was a partition, or all. */
  readonly disk: string;
  readonly how: 'ejected' | 'detached' | 'powered off';
}

export interface Ejection {
  /** sdb1 */
  readonly name: string;
  /** Where the drive can be. */
  readonly powerOff: boolean;
}

/** Where it is noted, for whoever watches, and a directory for each block device; what else there is to do is done when the device goes. */
export interface EjectionPlaces {
  readonly records: string;
  readonly devices: string;
}

export async function eject({ name, powerOff }: Ejection, { records, devices }: EjectionPlaces): Promise<Ejected> {
  assertName(name);
  const disk = diskOf(blockDevice(name, devices));
  const node = join('/dev', disk.name);
  if (isMapping(disk)) throw new MountError('SOURCE_NOT_USABLE', `${node} is a mapping, and has nothing to eject`, 'it is not mounted: close it (cryptsetup close, vgchange -an), and its disk can be ejected');
  const power = powerOff ? powerSwitchOf(disk, devices) : undefined;
  const how = power === undefined ? await ejectOne(disk, node) : await ejectDrive(power, node);
  const record = read(records, name);
  if (record?.state === 'mounted') write(records, { ...record, state: 'ejected' });
  return { disk: node, how };
}

async function ejectOne(disk: BlockDevice, node: string): Promise<Ejected['how']> {
  const descriptor = await claim(node);
  try {
    fsyncSync(descriptor);
    const result = isLoop(disk) ? shim.detachLoop(descriptor) : shim.ejectMedium(descriptor);
    if (result < 0) throw failure(node, result);
    return isLoop(disk) ? 'detached' : 'ejected';
  } finally {
    closeSync(descriptor);
  }
}

/** With all that is on it: nobody can mount any of its disks until it is off. */
async function ejectDrive(power: PowerSwitch, node: string): Promise<'powered off'> {
  const claimed: number[] = [];
  try {
    for (const name of power.disks) claimed.push(await claim(join('/dev', name)));
    for (const descriptor of claimed) {
      fsyncSync(descriptor);
      const result = shim.ejectMedium(descriptor);
      if (result < 0 && !NOT_FOR_THIS.includes(errorName(result))) throw failure(node, result);
    }
    switchOff(power);
    return 'powered off';
  } finally {
    for (const descriptor of claimed) closeSync(descriptor);
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
