/**
 * The broker: mounts for users who may not, with what they have opened themselves.
 *
 * systemd starts it with its socket. By hand: main.cjs --socket PATH [--policy FILE] [--mounts DIRECTORY] [--server SOCKET] [--records DIRECTORY] [--devices DIRECTORY]
 */
import { chmodSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Listener } from '../../protocol/seqpacket/listener.js';
import { SYSTEM_RECORDS } from '../automount/record.js';
import { SYSTEM_DEVICES } from '../automount/sysfs.js';
import { SYSTEM_MOUNTS } from '../mount/runtime.js';
import { log } from '../log.js';
import { POLICY } from './policy.js';
import { receive } from './reception.js';

const FIRST_INHERITED = 3;
const BACKLOG = 4096;
/** With systemd, which starts it again when somebody comes. */
const IDLE = 60_000;

const { values } = parseArgs({
  options: {
    socket: { type: 'string' },
    policy: { type: 'string', default: POLICY },
    mounts: { type: 'string', default: SYSTEM_MOUNTS },
    server: { type: 'string', default: '/run/fuse4fs/server.sock' },
    records: { type: 'string', default: SYSTEM_RECORDS },
    devices: { type: 'string', default: SYSTEM_DEVICES },
  },
});

const isActivated = process.env['LISTEN_FDS'] === '1' && process.env['LISTEN_PID'] === String(process.pid);
if (!isActivated && values.socket === undefined) {
  log('warning', 'no socket: systemd passes one, and --socket PATH makes one');
  process.exit(2);
}
const listener = isActivated ? Listener.adopt(FIRST_INHERITED) : listenToAll(values.socket ?? '');
log('info', 'listening');
void receive({ listener, policy: values.policy, mounts: values.mounts, serviceSocket: values.server, records: values.records, devices: values.devices, idle: isActivated ? IDLE : undefined });

function listenToAll(path: string): Listener {
  const bound = Listener.bind(path, BACKLOG);
  chmodSync(path, 0o666);
  return bound;
}
