/**
 * Mounts a block device that has appeared, and unmounts one that is gone. systemd calls it, from
 * fuse4fs-automount@.service: main.cjs appear|disappear NAME
 */
import { parseArgs } from 'node:util';
import { exitStatus, MountError } from '../mount/errors.js';
import { SYSTEM_MOUNTS } from '../mount/runtime.js';
import { log } from '../log.js';
import { appear } from './appear.js';
import { disappear } from './disappear.js';
import { POLICY } from './policy.js';
import { SYSTEM_RECORDS } from './record.js';
import { SYSTEM_DEVICES } from './sysfs.js';
import { UNITS } from './systemd.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    policy: { type: 'string', default: POLICY },
    properties: { type: 'string' },
    fstab: { type: 'string', default: '/etc/fstab' },
    logind: { type: 'string', default: '/run/systemd' },
    records: { type: 'string', default: SYSTEM_RECORDS },
    devices: { type: 'string', default: SYSTEM_DEVICES },
    units: { type: 'string', default: UNITS },
    mounts: { type: 'string', default: SYSTEM_MOUNTS },
    server: { type: 'string', default: '/run/fuse4fs/server.sock' },
  },
});

const { policy, properties, fstab, logind, records, devices, units, mounts, server } = values;
const runtime = { mounts, serviceSocket: server };

void run(positionals).then((status) => process.exit(status));

async function run([what, name]: readonly string[]): Promise<number> {
  if (name === undefined || (what !== 'appear' && what !== 'disappear')) {
    log('warning', 'expected: appear NAME or disappear NAME, with the name of a block device such as sdb1');
    return exitStatus.usage;
  }
  try {
    if (what === 'appear') return await appear(name, { policy, properties, fstab, logind, records, devices, units, runtime });
    disappear(name, { records, runtime, devices, units });
    return exitStatus.success;
  } catch (error) {
    const isExpected = error instanceof MountError;
    log('warning', `${name}: ${isExpected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return isExpected ? error.exitStatus : exitStatus.internal;
  }
}
