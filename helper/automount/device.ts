/** A block device as the policy sees it: from udev's properties and sysfs, and nothing that is read from the medium here. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MountError } from '../mount/errors.js';
import { decoded, propertiesOf, type Properties } from './properties.js';

export interface Device {
  /** As the kernel calls it: sdb1. */
  readonly name: string;
  /** /dev/sdb1 */
  readonly node: string;
  /** "8:17" */
  readonly number: string;
  /** usb, ata, mmc, …; empty where udev says nothing. */
  readonly bus: string;
  readonly removable: boolean;
  /** Of the filesystem: ext2, ext3 or ext4; empty where it has none that udev knows. */
  readonly type: string;
  readonly uuid: string;
  /** Whatever somebody wrote there. */
  readonly label: string;
  /** A UUID (GPT) or a number such as 0x83; empty where it is no partition. */
  readonly partitionType: string;
  readonly bytes: number;
  /** The seat whose user sits before it. */
  readonly seat: string;
  /** What rules of the administrator's have set in FUSE4FS_AUTOMOUNT. */
  readonly tag: 'mount' | 'ignore' | undefined;
  /** Made to be plugged in and pulled out. */
  readonly isExternal: boolean;
}

/** A directory for each block device that is there. */
export const SYSTEM_DEVICES = '/sys/class/block';

const SECTOR = 512;
const EXTERNAL_BUSES: readonly string[] = ['usb', 'ieee1394'];
/** Set by udev for cards whose readers are not removable themselves. */
const CARDS: readonly string[] = ['ID_DRIVE_FLASH_SD', 'ID_DRIVE_FLASH_MS', 'ID_DRIVE_FLASH_CF', 'ID_DRIVE_MEDIA_FLASH_SD'];

/** @param name without slashes, as the kernel has it */
export function deviceNamed(name: string, properties: string | undefined): Device {
  assertName(name);
  const node = join('/dev', name);
  return describe(name, node, propertiesOf(node, properties));
}

/** It becomes a part of paths. */
export function assertName(name: string): void {
  if (!/^[a-z][a-z0-9_]{0,63}$/iu.test(name)) throw new MountError('USAGE', `"${name}" is not the name of a block device such as sdb1`);
}

function describe(name: string, node: string, properties: Properties): Device {
  const directory = sysfsOf(name);
  const value = (key: string): string => properties.get(key) ?? '';
  const disk = existsSync(join(directory, 'partition')) ? dirname(directory) : directory;
  const removable = attribute(disk, 'removable') === '1';
  const bus = value('ID_BUS') || (name.startsWith('mmcblk') ? 'mmc' : '');
  return {
    name,
    node,
    number: attribute(directory, 'dev'),
    bus,
    removable,
    type: value('ID_FS_USAGE') === 'filesystem' || value('ID_FS_USAGE') === '' ? value('ID_FS_TYPE') : '',
    uuid: value('ID_FS_UUID').toLowerCase(),
    label: value('ID_FS_LABEL_ENC') === '' ? value('ID_FS_LABEL') : decoded(value('ID_FS_LABEL_ENC')),
    partitionType: value('ID_PART_ENTRY_TYPE').toLowerCase(),
    bytes: Number(attribute(directory, 'size')) * SECTOR,
    seat: value('ID_SEAT') || 'seat0',
    tag: { '1': 'mount', '0': 'ignore' }[value('FUSE4FS_AUTOMOUNT')] as Device['tag'],
    isExternal: removable || EXTERNAL_BUSES.includes(bus) || CARDS.some((key) => value(key) === '1'),
  };
}

function sysfsOf(name: string): string {
  try {
    return realpathSync(join(SYSTEM_DEVICES, name));
  } catch {
    throw new MountError('SOURCE_NOT_FOUND', `there is no block device ${name}`);
  }
}

function attribute(directory: string, name: string): string {
  try {
    return readFileSync(join(directory, name), 'latin1').trim();
  } catch {
    return '';
  }
}
