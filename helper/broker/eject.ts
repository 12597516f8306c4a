/** Ejects, for the user for whom the automount has mounted it. */
import type { Ejected, EjectRequest } from '../../protocol/broker/messages.js';
import { eject, type EjectionPlaces } from '../automount/eject.js';
import { read } from '../automount/record.js';
import { assertName } from '../automount/sysfs.js';
import { MountError } from '../mount/errors.js';
import type { Caller } from './caller.js';

/** @param places of the automount */
export async function ejectFor({ uid }: Caller, { name, powerOff }: EjectRequest, places: EjectionPlaces): Promise<Ejected> {
  assertName(name);
  const record = read(places.records, name);
  if (record?.state !== 'mounted' && record?.state !== 'offered') throw new MountError('PERMISSION', `${name} was not mounted as it was plugged in`, 'only such devices are ejected for users');
  if (record.owner !== uid) throw new MountError('PERMISSION', `${record.node} was mounted for another user`);
  return { type: 'ejected', ...(await eject({ name, powerOff }, places)) };
}
