import { closeSync } from 'node:fs';
import { shim } from '../native/shim.js';
import { MountError } from './errors.js';
import { FilesystemContext, mountRefusal } from './filesystem-context.js';
import { abortConnection, deviceNumber } from './fuse-device.js';
import { mountOn } from './mountinfo.js';
import type { MountPoint } from './mount-point.js';
import type { MountFlags } from './option-table.js';

/** A FUSE mount as the kernel has to be told about it. */
export interface MountRequest {
  /** fuseblk for block devices: the kernel then claims the device, sends SYNCFS, and waits for DESTROY. */
  readonly type: 'fuse' | 'fuseblk';
  readonly source: string;
  /** What fuseblk must end up on: the kernel opens the device again, by name. */
  readonly device: { readonly major: number; readonly minor: number } | undefined;
  readonly subtype: string;
  readonly fuseDescriptor: number;
  readonly rootMode: number;
  readonly userId: number;
  readonly groupId: number;
  readonly allowOther: boolean;
  /** The kernel checks permissions, from the modes and ACLs that the server shows it. */
  readonly defaultPermissions: boolean;
  readonly maxRead: number | undefined;
  /** Of the root directory, where that is not 1. */
  readonly rootNodeid: number | undefined;
  /** For fuseblk only; undefined: the kernel's 512. */
  readonly blockSize: number | undefined;
  readonly flags: MountFlags;
  /** Security contexts. */
  readonly contexts: readonly (readonly [key: string, value: string])[];
}

/** A mount that exists and that nobody sees before it is attached. */
export interface PreparedMount {
  readonly device: { readonly major: number; readonly minor: number };
  /**
   * A path that leads to the mount, to be unmounted on failure; undefined as long as it is not attached.
   * Where the kernel can only mount visibly (before 5.2) there is one at once.
   */
  readonly visibleAt: string | undefined;
  attach(): void;
  /** Undoes it, also when the server answers no more. */
  discard(): void;
  /** Lets go of the descriptors once it is attached. */
  close(): void;
}

export interface Preparing {
  /** By mount(2) even where there is something better, for tests. */
  readonly oldApi?: boolean;
  /** In which the mount is made, and which is closed; undefined: a new one. */
  readonly context?: FilesystemContext | undefined;
}

/**
 * Makes a mount that nobody sees until it is attached; with mount(2), where the mount API is missing, it is seen at once.
 * @throws MountError where the kernel refuses it
 */
export function prepareMount(request: MountRequest, target: MountPoint, { oldApi = false, context: given }: Preparing = {}): PreparedMount {
  const context = given ?? (oldApi ? undefined : FilesystemContext.open(request.type));
  if (context === undefined) return mountVisibly(request, target);
  let mount: number;
  try {
    for (const [key, value] of parameters(request)) context.set(key, value);
    for (const flag of superblockFlags(request.flags)) context.set(flag);
    mount = context.create(attributes(request.flags));
  } finally {
    context.close();
  }
  const device = deviceNumber(mount);
  let visibleAt: string | undefined;
  const discard = (): void => {
    abortConnection(device);
    if (visibleAt !== undefined) shim.umount2(visibleAt, MNT_DETACH);
    closeSync(mount);
  };
  try {
    assertDevice(request, device);
  } catch (error) {
    discard();
    throw error;
  }
  return {
    device,
    get visibleAt() {
      return visibleAt;
    },
    attach: () => {
      target.attach(mount);
      // The mount itself, whatever may be put on its path later.
      visibleAt = `/proc/self/fd/${mount}`;
    },
    discard,
    close: () => closeSync(mount),
  };
}

function* parameters(request: MountRequest): Generator<[string, string?]> {
  yield ['source', request.source];
  yield ['subtype', request.subtype];
  yield ['fd', String(request.fuseDescriptor)];
  yield ['rootmode', request.rootMode.toString(8)];
  yield ['user_id', String(request.userId)];
  yield ['group_id', String(request.groupId)];
  if (request.defaultPermissions) yield ['default_permissions'];
  if (request.allowOther) yield ['allow_other'];
  if (request.maxRead !== undefined) yield ['max_read', String(request.maxRead)];
  if (request.rootNodeid !== undefined) yield ['root_nodeid', String(request.rootNodeid)];
  if (request.type === 'fuseblk' && request.blockSize !== undefined) yield ['blksize', String(request.blockSize)];
  for (const [key, value] of request.contexts) yield [key, value];
}

function superblockFlags(flags: MountFlags): string[] {
  const words: string[] = [];
  if (flags.readOnly) words.push('ro');
  if (flags.synchronous) words.push('sync');
  if (flags.dirSync) words.push('dirsync');
  if (flags.lazyTime) words.push('lazytime');
  return words;
}

const accessTimeAttribute = { relatime: 0, noatime: 0x10, strictatime: 0x20 } as const;

/** MOUNT_ATTR_* of mount_setattr(2). */
function attributes(flags: MountFlags): number {
  return (
    (flags.readOnly ? 0x1 : 0) |
    (flags.noSuid ? 0x2 : 0) |
    (flags.noDev ? 0x4 : 0) |
    (flags.noExec ? 0x8 : 0) |
    accessTimeAttribute[flags.accessTime] |
    (flags.noDirAtime ? 0x80 : 0) |
    (flags.noSymFollow ? 0x200000 : 0)
  );
}

const accessTimeFlag = { relatime: 1 << 21, noatime: 1 << 10, strictatime: 1 << 24 } as const;

/** MS_* of mount(2). */
export function mountFlags(flags: MountFlags): number {
  return (
    (flags.readOnly ? 1 : 0) |
    (flags.noSuid ? 1 << 1 : 0) |
    (flags.noDev ? 1 << 2 : 0) |
    (flags.noExec ? 1 << 3 : 0) |
    (flags.synchronous ? 1 << 4 : 0) |
    (flags.dirSync ? 1 << 7 : 0) |
    (flags.noSymFollow ? 1 << 8 : 0) |
    accessTimeFlag[flags.accessTime] |
    (flags.noDirAtime ? 1 << 11 : 0) |
    (flags.lazyTime ? 1 << 25 : 0)
  );
}

const MNT_DETACH = 2;

/** mount(2) mounts at once where everybody sees it; what touches it waits until the server is ready. */
function mountVisibly(request: MountRequest, target: MountPoint): PreparedMount {
  const words = [...parameters(request)]
    .filter(([key]) => key !== 'source' && key !== 'subtype')
    .map(([key, value]) => (value === undefined ? key : `${key}=${value.includes(',') ? `"${value}"` : value}`));
  const type = `${request.type}.${request.subtype}`;
  const result = shim.mount(request.source, `/proc/self/fd/${target.descriptor}`, type, mountFlags(request.flags), words.join(','));
  if (result < 0) throw mountRefusal('', result, []);
  const unmount = (): void => void shim.umount2(target.path, MNT_DETACH);
  try {
    const device = deviceOf(target.path);
    assertDevice(request, device);
    return {
      device,
      visibleAt: target.path,
      attach: () => undefined,
      discard: unmount,
      close: () => undefined,
    };
  } catch (error) {
    unmount();
    throw error;
  }
}

/** The server looked at one device: no other one may be mounted because a name has changed hands. */
function assertDevice({ device: wanted, source }: MountRequest, { major, minor }: { major: number; minor: number }): void {
  if (wanted === undefined || (wanted.major === major && wanted.minor === minor)) return;
  throw new MountError('MOUNT_REFUSED', `${source} became another device (${major}:${minor}) in the meantime`);
}

function deviceOf(path: string): { major: number; minor: number } {
  const [major, minor] = mountOn(path)?.device.split(':').map(Number) ?? [];
  if (major === undefined || minor === undefined) throw new MountError('MOUNT_REFUSED', 'the mount vanished at once');
  return { major, minor };
}
