/** A device was pulled out, or its service is stopped: what was mounted of it is unmounted. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MountError } from '../mount/errors.js';
import { isOurs, mountOn } from '../mount/mountinfo.js';
import { unmount } from '../mount/unmount.js';
import { log } from '../log.js';
import type { Surroundings } from './appear.js';
import { withoutFoundations } from './foundations.js';
import { withdraw } from './on-demand.js';
import { removePlace } from './place.js';
import { read, remove, type Record } from './record.js';
import { assertName } from './sysfs.js';

export function disappear(name: string, surroundings: Pick<Surroundings, 'records' | 'runtime' | 'devices' | 'units'>): void {
  const { records, runtime, devices, units } = surroundings;
  assertName(name);
  const record = read(records, name);
  if (record?.state === 'ejected' && record.isNew) removePlace(record.target);
  if (record === undefined || (record.state !== 'mounted' && record.state !== 'offered')) return remove(records, name);
  try {
    takeAway(record, runtime, [name, ...record.foundations].every((each) => existsSync(join(devices, each))));
    if (record.state === 'offered') withdraw({ ...record, directory: records });
  } finally {
    if (record.foundations.length > 0) withoutFoundations(name, units);
    if (record.isNew) removePlace(record.target);
    remove(records, name);
  }
}

type Mounted = Extract<Record, { state: 'mounted' | 'offered' }>;

/** By us, and not by somebody since. */
function isMounted(record: Mounted): boolean {
  const mount = mountOn(record.target);
  if (mount === undefined || !isOurs(mount)) return false;
  return record.state === 'mounted' ? mount.device === record.device : mount.source === record.node;
}

function takeAway(record: Mounted, runtime: Surroundings['runtime'], isThere: boolean): void {
  const { name, target } = record;
  if (!isMounted(record)) return log('info', `${name}: not mounted any more`);
  try {
    if (isThere) return release(record, runtime);
    unmount({ target, lazy: true }, runtime);
    log('warning', `${name}: pulled out while mounted on ${target}: unmounted; what had not been written yet is lost`);
  } catch (error) {
    // The service manager unmounts what a device leaves behind, too.
    if (!(error instanceof MountError) || error.code !== 'NOT_MOUNTED') throw error;
    log('info', `${name}: not mounted any more`);
  }
}

function release({ name, target }: Mounted, runtime: Surroundings['runtime']): void {
  try {
    const { warnings } = unmount({ target }, runtime);
    log('notice', `${name}: unmounted from ${target}`);
    for (const warning of warnings) log('warning', `${name}: ${warning}`);
  } catch (error) {
    if (!(error instanceof MountError) || error.code !== 'TARGET_BUSY') throw error;
    unmount({ target, lazy: true }, runtime);
    log('warning', `${name}: ${target} is in use: nobody sees it any more, and it ends with the last who uses it`);
  }
}
