/** Unmounts what is mounted of a device, and ejects it: by ourselves, or through the broker for the user whose it is. */
import { realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { connectToBroker, ejectThroughBroker } from '../mount/broker.js';
import { MountError } from '../mount/errors.js';
import { isRoot } from '../mount/identity.js';
import { systemRuntime, type Runtime } from '../mount/runtime.js';
import { unmount } from '../mount/unmount.js';
import { eject, type Ejected, type EjectionPlaces } from './eject.js';
import { SYSTEM_RECORDS } from './record.js';
import { SYSTEM_DEVICES } from './sysfs.js';

export interface TakenOut extends Ejected {
  readonly source: string;
  /** Where it was mounted, if it was. */
  readonly target: string | undefined;
}

const SYSTEM_PLACES: EjectionPlaces = { records: SYSTEM_RECORDS, devices: SYSTEM_DEVICES };

/** @param given a mount point, or a device */
export async function takeOut(given: string, powerOff: boolean, runtime: Runtime = systemRuntime(), places: EjectionPlaces = SYSTEM_PLACES): Promise<TakenOut> {
  const mounted = findMounted(given, runtime);
  const source = mounted?.source ?? given;
  const name = basename(deviceAt(source));
  if (mounted !== undefined) leave(mounted.target, runtime);
  if (isRoot()) return { source, target: mounted?.target, ...(await eject({ name, powerOff }, places)) };
  const connection = connectToBroker(runtime.broker);
  if (connection === undefined) throw new MountError('PERMISSION', `${source} is not mounted any more, and only root ejects it`, 'it can be pulled out; fuse4fs-helper.socket would let its user eject it');
  return { source, target: mounted?.target, ...ejectThroughBroker(connection, { name, powerOff }) };
}

/** Undefined for a device that is not mounted. */
function findMounted(given: string, runtime: Runtime): { readonly source: string; readonly target: string } | undefined {
  try {
    return unmount({ target: given, fake: true }, runtime);
  } catch (error) {
    if (!(error instanceof MountError) || error.code !== 'NOT_MOUNTED' || !isDevice(given)) throw error;
    return undefined;
  }
}

function leave(target: string, runtime: Runtime): void {
  const { serverEnded, source, warnings } = unmount({ target }, runtime);
  if (!serverEnded) throw new MountError('SOURCE_BUSY', `${source} is not ejected: ${warnings.join(', ') || 'its server goes on'}`);
}

function deviceAt(path: string): string {
  if (!isDevice(path)) throw new MountError('SOURCE_NOT_USABLE', `${path} is no device, and cannot be ejected`, 'fuse4fs umount unmounts it');
  return realpathSync(path);
}

function isDevice(path: string): boolean {
  try {
    return statSync(path).isBlockDevice();
  } catch {
    return false;
  }
}
