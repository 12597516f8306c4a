import { closeSync, constants as files, fstatSync, type Stats } from 'node:fs';
import { constants } from 'node:os';
import { RequestRefusedError } from '../../../protocol/libfuse/errors.js';
import type { ServerEnd } from '../../../protocol/libfuse/server-end.js';
import { log } from '../../log.js';
import { serverShim } from '../../native/shim.js';

/** A block device or image that the mount helper opened for us. The descriptor is the caller's to close. */
export interface LibfuseSource {
  readonly descriptor: number;
  /** The same past the machine's cache, where that can be had. */
  readonly direct: number | undefined;
  readonly kind: 'block device' | 'image file';
  readonly size: number;
  readonly sectorSize: number;
  readonly writable: boolean;
  /** Gives up the exclusive claim on a block device, just before the kernel takes its own. */
  release(): void;
}

const { EACCES, EAGAIN, EBUSY, EPERM, EROFS, ETXTBSY } = constants.errno;
const NOT_WRITABLE: readonly number[] = [EACCES, EPERM, EROFS, ETXTBSY];

/** Programs that probe new devices hold them for moments. */
const DEVICE_PATIENCE = 1000;
/** After umount(8) has returned, the server of an image may still be finishing. */
const IMAGE_PATIENCE = 10_000;
const INTERVAL = 50;

export function openSource(end: ServerEnd, path: string, readOnly: boolean): LibfuseSource {
  const { descriptor, writable } = openFile(end, path, readOnly);
  try {
    const stats = fstatSync(descriptor);
    if (stats.isBlockDevice()) return openedTwice(end, path, blockDevice(end, path, { descriptor, writable, stats }), stats);
    if (stats.isFile()) return openedTwice(end, path, imageFile(path, { descriptor, writable, stats }), stats);
    throw new Error(`${path} is neither a block device nor an image file`);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** What is found under the name a second time may be something else. */
function openedTwice(end: ServerEnd, path: string, source: LibfuseSource, { dev, ino, rdev }: Stats): LibfuseSource {
  try {
    const direct = end.open(path, { openFlags: (source.writable ? files.O_RDWR : files.O_RDONLY) | files.O_DIRECT, quiet: true });
    const second = fstatSync(direct);
    if (second.dev === dev && second.ino === ino && second.rdev === rdev) return { ...source, direct };
    closeSync(direct);
  } catch (error) {
    if (!(error instanceof RequestRefusedError)) throw error;
  }
  return source;
}

interface Opened {
  readonly descriptor: number;
  readonly writable: boolean;
  readonly stats: Stats;
}

function openFile(end: ServerEnd, path: string, readOnly: boolean): Omit<Opened, 'stats'> {
  if (!readOnly) {
    try {
      return { descriptor: end.open(path, { openFlags: files.O_RDWR, quiet: true }), writable: true };
    } catch (error) {
      if (!(error instanceof RequestRefusedError)) throw error;
      // Once more, so that the helper tells its user why.
      if (!NOT_WRITABLE.includes(error.errno)) return { descriptor: end.open(path, { openFlags: files.O_RDWR }), writable: true };
      log('warning', `${path} cannot be written to, and is mounted read-only (${error.message})`);
    }
  }
  return { descriptor: end.open(path, { openFlags: files.O_RDONLY }), writable: false };
}

function blockDevice(end: ServerEnd, path: string, { descriptor, writable, stats }: Opened): LibfuseSource {
  const facts = new Float64Array(3);
  const result = serverShim.blockDevice(descriptor, facts);
  if (result < 0) throw new Error(`${path}: its size cannot be found out (errno ${-result})`);
  const [size = 0, sectorSize = 512, writeProtected = 0] = facts;
  if (size === 0) throw new Error(`${path}: no medium found`);
  let claim: number | undefined = claimDevice(end, path);
  const release = (): void => {
    if (claim !== undefined) closeSync(claim);
    claim = undefined;
  };
  if (fstatSync(claim).rdev !== stats.rdev) {
    release();
    throw new Error(`${path} became another device in the meantime`);
  }
  return { descriptor, direct: undefined, kind: 'block device', size, sectorSize, writable: writable && writeProtected === 0, release };
}

/** A second descriptor: the one that is read and written must not stand in the way of the kernel's own claim. */
function claimDevice(end: ServerEnd, path: string): number {
  return patiently(path, DEVICE_PATIENCE, () => {
    try {
      return end.open(path, { openFlags: files.O_RDONLY | files.O_EXCL, quiet: true, blockDevice: true });
    } catch (error) {
      if (error instanceof RequestRefusedError && error.errno === EBUSY) return undefined;
      throw error;
    }
  });
}

/** One writer, or any number of readers; the same lock as our own helper's. */
function imageFile(path: string, { descriptor, writable, stats }: Opened): LibfuseSource {
  if (stats.size === 0) throw new Error(`${path} is empty`);
  patiently(path, IMAGE_PATIENCE, () => {
    const result = serverShim.lock(descriptor, writable ? 1 : 0);
    if (result < 0 && result !== -EAGAIN) throw new Error(`${path} cannot be locked (errno ${-result})`);
    return result < 0 ? undefined : true;
  });
  return { descriptor, direct: undefined, kind: 'image file', size: stats.size, sectorSize: 512, writable, release: () => undefined };
}

function patiently<Claim>(path: string, patience: number, attempt: () => Claim | undefined): Claim {
  const deadline = performance.now() + patience;
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const claim = attempt();
    if (claim !== undefined) return claim;
    if (performance.now() > deadline) throw new Error(`${path} is in use by another program`);
    Atomics.wait(never, 0, 0, INTERVAL);
  }
}
