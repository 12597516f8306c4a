/** Takes the power from a drive that is made to be pulled out, as far as the kernel can: it is gone then until it is plugged in again. */
import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { MountError } from '../mount/errors.js';
import { errorText } from '../native/shim.js';
import { attribute, blockDevices, diskOf, type BlockDevice } from './sysfs.js';

export interface PowerSwitch {
  /** An attribute of sysfs: whoever writes to it has the kernel let go of the drive. */
  readonly path: string;
  /** All disks that go: a drive can have several, a reader one for each slot. */
  readonly disks: readonly string[];
}

/** Undefined where the drive has none, or is not made to be pulled out. */
export function powerSwitchOf(disk: BlockDevice, devices: string): PowerSwitch | undefined {
  const usb = usbDeviceOf(disk);
  if (usb !== undefined) return { path: join(usb, 'remove'), disks: disksBelow(usb, devices) };
  const path = join(disk.directory, 'device', 'delete');
  return attribute(disk, 'removable') === '1' && existsSync(path) ? { path, disks: [disk.name] } : undefined;
}

/** The nearest, which may be behind others: hubs. */
function usbDeviceOf({ directory }: BlockDevice): string | undefined {
  for (let at = dirname(directory); at !== dirname(at); at = dirname(at)) {
    if (existsSync(join(at, 'idVendor')) && existsSync(join(at, 'remove'))) return at;
  }
  return undefined;
}

function disksBelow(directory: string, devices: string): string[] {
  return blockDevices(devices).filter((one) => one.directory.startsWith(directory + sep) && diskOf(one) === one).map(({ name }) => name);
}

/** Only with all of its disks claimed. */
export function switchOff({ path }: PowerSwitch): void {
  try {
    const descriptor = openSync(path, constants.O_WRONLY);
    try {
      writeSync(descriptor, '1');
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const { errno = 0 } = error as NodeJS.ErrnoException;
    throw new MountError('SOURCE_NOT_USABLE', `the power stays on: ${path}: ${errorText(errno)}`, 'it is not mounted, and can be pulled out');
  }
}
