/** A block device as the policy sees it: from udev's properties and sysfs, and nothing that is read from the medium here. */
import { join } from 'node:path';
import { decoded, propertiesOf, type Properties } from './properties.js';
import { assertName, attribute, blockDevice, diskOf, foundationsOf, type BlockDevice } from './sysfs.js';

export interface Device {
  /** As the kernel calls it: sdb1, dm-0. */
  readonly name: string;
  /** /dev/sdb1 */
  readonly node: string;
  /** "8:17" */
  readonly number: string;
  /** Of a mapping, below /dev/mapper; otherwise empty. */
  readonly mapping: string;
  /** Of a mapping or a RAID: what it lies on. It can go while the device stays. */
  readonly foundations: readonly string[];
  /** usb, ata, mmc, …; empty where udev says nothing, or where it is not the same for all that it lies on. */
  readonly bus: string;
  /** All that it lies on is. */
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
  /** All that it lies on is made to be plugged in and pulled out. */
  readonly isExternal: boolean;
  /** A mapping that is being changed, or a part of another one: whoever made it wants nobody to look. */
  readonly isPrivate: boolean;
}

const SECTOR = 512;
const EXTERNAL_BUSES: readonly string[] = ['usb', 'ieee1394'];
/** Set by udev for cards whose readers are not removable themselves. */
const CARDS: readonly string[] = ['ID_DRIVE_FLASH_SD', 'ID_DRIVE_FLASH_MS', 'ID_DRIVE_FLASH_CF', 'ID_DRIVE_MEDIA_FLASH_SD'];

/**
 * @param name without slashes, as the kernel has it
 * @param properties a directory with what udevadm would print, in a file for each device; undefined: udevadm is asked
 */
export function deviceNamed(name: string, devices: string, properties: string | undefined): Device {
  assertName(name);
  const device = blockDevice(name, devices);
  const own = propertiesOf(name, properties);
  const foundations = foundationsOf(device, devices);
  const drives = foundations.map((one) => driveOf(one, one.name === name ? own : propertiesOf(one.name, properties)));
  return { ...describe(device, own, drives), foundations: foundations.map((one) => one.name).filter((one) => one !== name) };
}

type Drive = Pick<Device, 'bus' | 'removable' | 'seat' | 'isExternal'>;

function driveOf(device: BlockDevice, properties: Properties): Drive {
  const removable = attribute(diskOf(device), 'removable') === '1';
  const bus = properties.get('ID_BUS') ?? (device.name.startsWith('mmcblk') ? 'mmc' : '');
  const isCard = CARDS.some((key) => properties.get(key) === '1');
  return { bus, removable, seat: properties.get('ID_SEAT') ?? '', isExternal: removable || EXTERNAL_BUSES.includes(bus) || isCard };
}

function describe(device: BlockDevice, properties: Properties, drives: readonly Drive[]): Omit<Device, 'foundations'> {
  const { name } = device;
  const value = (key: string): string => properties.get(key) ?? '';
  const common = (key: 'bus' | 'seat'): string => (drives.every((drive) => drive[key] === drives[0]?.[key]) ? (drives[0]?.[key] ?? '') : '');
  return {
    name,
    node: join('/dev', name),
    number: attribute(device, 'dev'),
    mapping: attribute(device, 'dm/name'),
    bus: common('bus'),
    removable: drives.every(({ removable }) => removable),
    type: value('ID_FS_USAGE') === 'filesystem' || value('ID_FS_USAGE') === '' ? value('ID_FS_TYPE') : '',
    uuid: value('ID_FS_UUID').toLowerCase(),
    label: value('ID_FS_LABEL_ENC') === '' ? value('ID_FS_LABEL') : decoded(value('ID_FS_LABEL_ENC')),
    partitionType: value('ID_PART_ENTRY_TYPE').toLowerCase(),
    bytes: Number(attribute(device, 'size')) * SECTOR,
    seat: common('seat') || 'seat0',
    tag: { '1': 'mount', '0': 'ignore' }[value('FUSE4FS_AUTOMOUNT')] as Device['tag'],
    isExternal: drives.every(({ isExternal }) => isExternal),
    isPrivate: value('DM_UDEV_DISABLE_OTHER_RULES_FLAG') === '1' || value('DM_SUSPENDED') === '1',
  };
}
