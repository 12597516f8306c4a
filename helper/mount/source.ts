import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync, type Stats } from 'node:fs';
import { errorText, shim } from '../native/shim.js';
import { claimDevice, lockImage } from './claim.js';
import { MountError } from './errors.js';

/** What is mounted: an open descriptor, and what the server and the kernel have to know about it. */
export interface Source {
  readonly descriptor: number;
  /** Shown in the mount table: a path, or what the user wrote. */
  readonly name: string;
  /** A path that leads to it, for the kernel to open a block device by. */
  readonly path: string;
  readonly kind: 'BLOCK_DEVICE' | 'IMAGE_FILE' | 'DIRECTORY';
  /** Of a block device. */
  readonly device: { readonly major: number; readonly minor: number } | undefined;
  readonly size: number;
  readonly sectorSize: number;
  readonly writable: boolean;
  /** Why it is not writable although the caller did not ask for that. */
  readonly readOnlyBecause: string | undefined;
  /** What is allowed in a directory tree, open for reading. */
  readonly policy?: number | undefined;
  /** Gives up the exclusive claim on a block device: the kernel claims it itself, see attach.ts. */
  release(): void;
  close(): void;
}

/** Names that udev keeps links for. mount(8) resolves the tags itself, other callers do not. */
const tagDirectories: Readonly<Record<string, string>> = {
  UUID: '/dev/disk/by-uuid',
  LABEL: '/dev/disk/by-label',
  PARTUUID: '/dev/disk/by-partuuid',
  PARTLABEL: '/dev/disk/by-partlabel',
  ID: '/dev/disk/by-id',
};

/**
 * Opens SOURCE: a block device, an image file, a tag such as UUID=…, or a descriptor that the caller
 * left open for us (fd:3, /proc/self/fd/3, /dev/fd/3). No one else can mount it meanwhile.
 */
export async function openSource(given: string, { readOnly, exclusive = false }: OpenOptions): Promise<Source> {
  const inherited = inheritedDescriptor(given);
  const opened = inherited === undefined ? openPath(resolveTag(given), readOnly) : adoptDescriptor(inherited, given, readOnly);
  return await claim(opened, given, exclusive);
}

/** What a caller opens for the broker: no claim is made, and a descriptor that it was given itself is passed on. */
export function openForBroker(given: string, readOnly: boolean): Opened {
  const inherited = inheritedDescriptor(given);
  return inherited === undefined ? openPath(resolveTag(given), readOnly) : adoptDescriptor(inherited, given, readOnly);
}

/** The same once more, past the machine's cache; undefined where it cannot be had, as on some filesystems of images. */
export function openPastCache({ descriptor, writable }: Source): number | undefined {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, (writable ? constants.O_RDWR : constants.O_RDONLY) | constants.O_DIRECT);
  } catch {
    return undefined;
  }
}

/** Takes an open file for the source, or closes it. `given` is what messages call it. */
export async function claim(opened: Opened, given: string, exclusive: boolean): Promise<Source> {
  try {
    const stats = fstatSync(opened.descriptor);
    if (stats.isBlockDevice()) return await blockDevice(opened, stats, exclusive);
    if (stats.isFile()) return await imageFile(opened, stats);
    throw notASource(given, stats);
  } catch (error) {
    closeSync(opened.descriptor);
    throw error;
  }
}

interface OpenOptions {
  readonly readOnly: boolean;
  /** A block device stays claimed through the descriptor itself, since the kernel will not claim it. */
  readonly exclusive?: boolean;
}

export interface Opened {
  readonly descriptor: number;
  readonly name: string;
  readonly path: string;
  readonly writable: boolean;
  readonly readOnlyBecause: string | undefined;
}

/** The number in fd:3, /proc/self/fd/3 or /dev/fd/3. */
export function inheritedDescriptor(given: string): number | undefined {
  const digits = /^(?:fd:|\/proc\/(?:self|thread-self)\/fd\/|\/dev\/fd\/)(\d{1,9})$/.exec(given)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** UUID=… and its kin become udev's link; any other text is a path already. */
export function resolveTag(given: string): string {
  const [, tag, quoted] = /^(UUID|LABEL|PARTUUID|PARTLABEL|ID)=(.*)$/s.exec(given) ?? [];
  const directory = tag === undefined ? undefined : tagDirectories[tag];
  if (directory === undefined || quoted === undefined) return given;
  const value = quoted.replace(/^"(.*)"$/s, '$1');
  const link = `${directory}/${encodeForUdev(tag === 'UUID' ? value.toLowerCase() : value)}`;
  try {
    return realpathSync(link);
  } catch {
    throw new MountError('SOURCE_NOT_FOUND', `can't find ${given}`, `there is no ${link}; lsblk -f lists what there is`);
  }
}

/** udev writes bytes that a link name should not have as \xNN. */
function encodeForUdev(value: string): string {
  return value.replace(/[^\p{L}\p{N}#+\-.:=@_]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

function openPath(path: string, readOnly: boolean): Opened {
  const real = canonical(path);
  if (readOnly) return { ...open(path, real, constants.O_RDONLY), readOnlyBecause: undefined };
  try {
    return { ...open(path, real, constants.O_RDWR), readOnlyBecause: undefined };
  } catch (error) {
    const because = isRefusalOfWriting(error) ? describe(error) : undefined;
    if (because === undefined) throw openError(path, error);
    return { ...open(path, real, constants.O_RDONLY), readOnlyBecause: because };
  }
}

function open(path: string, real: string, access: number): Omit<Opened, 'readOnlyBecause'> {
  try {
    // O_NONBLOCK: opening a FIFO or a drive without a medium must not wait.
    const descriptor = openSync(real, access | constants.O_NONBLOCK | constants.O_NOCTTY);
    return { descriptor, name: real, path: real, writable: access === constants.O_RDWR };
  } catch (error) {
    throw access === constants.O_RDWR ? error : openError(path, error);
  }
}

function canonical(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw openError(path, error);
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

const isRefusalOfWriting = (error: unknown): boolean => ['EACCES', 'EPERM', 'EROFS', 'ETXTBSY'].includes(codeOf(error));

const describe = (error: unknown): string =>
  error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? errorText(error.errno) : String(error);

function openError(path: string, error: unknown): MountError {
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new MountError('SOURCE_NOT_FOUND', `special device ${path} does not exist`);
    case 'ENXIO':
    case 'ENOMEDIUM':
      return new MountError('SOURCE_NOT_USABLE', `no medium found on ${path}`);
    case 'EISDIR':
      return new MountError('SOURCE_NOT_USABLE', `${path} is a directory, not a block device or an image file`, 'a directory is mounted with -t passthrough');
    case 'EACCES':
    case 'EPERM':
      return new MountError('SOURCE_NOT_USABLE', `cannot open ${path}: ${describe(error)}`, 'it must at least be readable; are you root?');
    default:
      return new MountError('SOURCE_NOT_USABLE', `cannot open ${path}: ${describe(error)}`);
  }
}

/** The caller's own open file description, with the rights that the caller gave it. What cannot be a source may be Node's own, and stays open. */
function adoptDescriptor(descriptor: number, given: string, readOnly: boolean): Opened {
  const flags = openFlags(descriptor);
  if (flags === undefined) throw new MountError('SOURCE_NOT_FOUND', `descriptor ${descriptor} of ${given} is not open`, handOver(descriptor));
  if ((flags & O_PATH) !== 0) {
    throw new MountError('SOURCE_NOT_USABLE', `descriptor ${descriptor} was opened with O_PATH and cannot be read`);
  }
  const access = flags & 3;
  if (access === constants.O_WRONLY) throw new MountError('SOURCE_NOT_USABLE', `descriptor ${descriptor} is open for writing only`);
  const stats = fstatSync(descriptor);
  if (!stats.isBlockDevice() && !stats.isFile()) throw notASource(given, stats, handOver(descriptor));
  const writable = access === constants.O_RDWR;
  const path = `/proc/self/fd/${descriptor}`;
  return {
    descriptor,
    name: realName(path) ?? given,
    path,
    writable: writable && !readOnly,
    readOnlyBecause: writable || readOnly ? undefined : 'the descriptor is open for reading only',
  };
}

const handOver = (descriptor: number): string => `the shell hands one over with ${descriptor}<IMAGE; npx does not`;

const notASource = (given: string, stats: Stats, hint = ''): MountError =>
  new MountError('SOURCE_NOT_USABLE', `${given} is ${kindOf(stats)}, not a block device or an image file`, hint);

export const O_PATH = 0o10000000;

export function openFlags(descriptor: number): number | undefined {
  try {
    return parseInt(/^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1] ?? '', 8);
  } catch {
    return undefined;
  }
}

function realName(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Claims the device, so that nothing else mounts it while the server looks at it. The claim is a
 * second descriptor: the one that the server gets must not stand in the way of the kernel's claim.
 */
async function blockDevice(opened: Opened, { rdev }: Stats, exclusive: boolean): Promise<Source> {
  const facts = new Float64Array(3);
  const result = shim.blockDevice(opened.descriptor, facts);
  if (result < 0) throw new MountError('SOURCE_NOT_USABLE', `cannot ask ${opened.name} for its size: ${errorText(result)}`);
  const [size = 0, sectorSize = 512, hardwareReadOnly = 0] = facts;
  if (size === 0) throw new MountError('SOURCE_NOT_USABLE', `no medium found on ${opened.name}`);

  const writable = opened.writable && hardwareReadOnly === 0;
  const device = decodeDevice(rdev);
  const held = await claimDevice({ ...opened, device }, exclusive && writable ? constants.O_RDWR : constants.O_RDONLY);
  if (exclusive) closeSync(opened.descriptor);
  let claim = exclusive ? undefined : held;
  const descriptor = exclusive ? held : opened.descriptor;
  const release = (): void => {
    if (claim !== undefined) closeSync(claim);
    claim = undefined;
  };
  return {
    ...opened,
    descriptor,
    kind: 'BLOCK_DEVICE',
    device,
    size,
    sectorSize,
    writable,
    readOnlyBecause: opened.writable && !writable ? 'the device is write-protected' : opened.readOnlyBecause,
    release,
    close: () => {
      release();
      closeSync(descriptor);
    },
  };
}

/** dev_t as stat(2) shows it: 12 bits of major between 8 and 12 of minor; see makedev(3). */
export function decodeDevice(encoded: number): { major: number; minor: number } {
  return { major: (encoded >>> 8) & 0xfff, minor: (encoded & 0xff) | ((encoded >>> 12) & 0xfff00) };
}

/** Locks the image through the descriptor that the server gets: the lock lasts as long as the mount. */
async function imageFile(opened: Opened, stats: Stats): Promise<Source> {
  if (stats.size === 0) throw new MountError('SOURCE_NOT_USABLE', `${opened.name} is empty`);
  await lockImage(opened);
  return {
    ...opened,
    kind: 'IMAGE_FILE',
    device: undefined,
    size: stats.size,
    sectorSize: 512,
    release: () => undefined,
    close: () => closeSync(opened.descriptor),
  };
}

export function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isCharacterDevice()) return 'a character device';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return 'of another kind';
}
