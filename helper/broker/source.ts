/** The caller's own open file as the source: judged by what it is, never opened again by a name. */
import { fstatSync, readFileSync, readlinkSync, statfsSync, type Stats } from 'node:fs';
import { constants } from 'node:fs';
import { shim } from '../native/shim.js';
import { MountError } from '../mount/errors.js';
import { claim, decodeDevice, kindOf, O_PATH, openFlags, type Source } from '../mount/source.js';
import { assertKind, type Policy } from './policy.js';

const FUSE_SUPER_MAGIC = 0x65735546;
const F_SEAL_SHRINK = 0x2;
const F_SEAL_WRITE = 0x8;
const F_SEAL_FUTURE_WRITE = 0x10;

/** `exclusive`: the kernel will not claim a block device. From here on the descriptor is the source's to close, or closed. */
export async function adoptSource(descriptor: number, readOnly: boolean, policy: Policy, exclusive = false): Promise<Source> {
  const path = `/proc/self/fd/${descriptor}`;
  const link = readlinkSync(path);
  const flags = openFlags(descriptor) ?? O_PATH;
  if ((flags & O_PATH) !== 0) throw unusable(link, 'was opened with O_PATH, which proves no right to read it');
  if ((flags & 3) === constants.O_WRONLY) throw unusable(link, 'is open for writing only');
  const stats = fstatSync(descriptor);
  const name = nameOf(link, stats);
  assertSourceKind(descriptor, stats, name, policy);
  const seals = sealsOf(descriptor, link);
  const mayWrite = (flags & 3) === constants.O_RDWR && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) === 0;
  return await claim(
    { descriptor, name, path, writable: mayWrite && !readOnly, readOnlyBecause: mayWrite || readOnly ? undefined : 'the descriptor is open for reading only' },
    name,
    exclusive,
  );
}

function assertSourceKind(descriptor: number, stats: Stats, name: string, policy: Policy): void {
  if (stats.isBlockDevice()) return assertKind(policy, 'blockDevice', name);
  if (!stats.isFile()) throw unusable(name, `is ${kindOf(stats)}, not a block device or an image file`);
  // Whoever serves such a filesystem may let a server wait for ever.
  const isOnFuse = statfsSync(`/proc/self/fd/${descriptor}`).type === FUSE_SUPER_MAGIC;
  assertKind(policy, isOnFuse ? 'imageOnFuse' : 'image', name);
}

/** Memory that can be taken away again is no source; a file on a disk has at least a size that its filesystem keeps. */
function sealsOf(descriptor: number, link: string): number {
  if (!link.startsWith('/memfd:')) return 0;
  const seals = Math.max(0, shim.seals(descriptor));
  if ((seals & F_SEAL_SHRINK) === 0) throw unusable(link, 'is memory that can be truncated', 'seal it first: F_SEAL_SHRINK');
  return seals;
}

/** For a block device the name that the kernel itself gives it, by which it will open it for fuseblk. */
function nameOf(link: string, stats: Stats): string {
  if (!stats.isBlockDevice()) return link;
  const { major, minor } = decodeDevice(stats.rdev);
  const event = readFileSync(`/sys/dev/block/${major}:${minor}/uevent`, 'utf8');
  return `/dev/${/^DEVNAME=(.+)$/m.exec(event)?.[1] ?? `block/${major}:${minor}`}`;
}

const unusable = (name: string, what: string, hint = ''): MountError => new MountError('SOURCE_NOT_USABLE', `${name} ${what}`, hint);
