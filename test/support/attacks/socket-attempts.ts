import { constants } from 'node:os';
import type { Attempt, Surroundings } from './attempts.js';
import { systemCall } from './system-calls.js';
import { BYSTANDER } from './verdict.js';

const FAMILIES = { unix: 1, inet: 2, inet6: 10, netlink: 16, packet: 17, alg: 38, vsock: 40, bluetooth: 31, key: 15, xdp: 44 } as const;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_DOMAIN = 39;
const MSG_DONTWAIT = 0x40;
const LAST_DESCRIPTOR = 256;

/** The one that speaks to the service manager, where there is one: the only socket here that could reach another. */
function datagramSocket(): number | undefined {
  const option = (fd: number, name: number): number => {
    const value = new Int32Array(1);
    return systemCall('getsockopt', fd, SOL_SOCKET, name, new Uint8Array(value.buffer), new Uint8Array([4, 0, 0, 0])) < 0 ? -1 : (value[0] ?? -1);
  };
  for (let fd = 0; fd < LAST_DESCRIPTOR; fd++) if (option(fd, SO_DOMAIN) === FAMILIES.unix && option(fd, SO_TYPE) === SOCK_DGRAM) return fd;
  return undefined;
}

function unixAddress(path: string): Uint8Array {
  return Uint8Array.from([FAMILIES.unix, 0, ...new TextEncoder().encode(path), 0]);
}

const sendTo = (address: Uint8Array, length = address.length): number => {
  const socket = datagramSocket();
  if (socket === undefined) return -constants.errno.ENOTSOCK;
  return systemCall('sendto', socket, new Uint8Array([65]), 1, MSG_DONTWAIT, address, length);
};

const onAnyDescriptor = (act: (fd: number) => number) => ({ device, fuse }: Surroundings): number => Math.max(act(device), act(fuse), act(2));

/** "Nobody is there" counts as well: what could be there is in another network namespace, or below another root. */
const UNREACHABLE = ['EPERM', 'ENOTSOCK', 'ENOENT', 'ECONNREFUSED', 'EACCES'];

export const socketAttempts: readonly Attempt[] = [
  ...Object.entries(FAMILIES).map(([name, family]) => ({ name: `socket ${name}`, act: () => systemCall('socket', family, SOCK_STREAM, 0) })),
  { name: 'socket unix datagram', act: () => systemCall('socket', FAMILIES.unix, SOCK_DGRAM, 0) },
  { name: 'socket netlink datagram', act: () => systemCall('socket', FAMILIES.netlink, SOCK_DGRAM, 0) },
  { name: 'socketpair', act: () => systemCall('socketpair', FAMILIES.unix, SOCK_STREAM, 0, new Uint8Array(8)) },
  { name: 'connect what there is', act: onAnyDescriptor((fd) => systemCall('connect', fd, unixAddress('/run/dbus/system_bus_socket'), 30)) },
  { name: 'bind what there is', act: onAnyDescriptor((fd) => systemCall('bind', fd, unixAddress('/tmp/socket'), 14)) },
  // A socket of another network namespace listens on that name while this is tried.
  { name: 'send to an abstract name', act: () => sendTo(unixAddress(BYSTANDER), 2 + BYSTANDER.length), deniedBy: UNREACHABLE },
  { name: 'send to the system bus', act: () => sendTo(unixAddress('/run/dbus/system_bus_socket')), deniedBy: UNREACHABLE },
  { name: 'send to systemd', act: () => sendTo(unixAddress('/run/systemd/private')), deniedBy: UNREACHABLE },
  { name: 'send to the journal', act: () => sendTo(unixAddress('/run/systemd/journal/socket')), deniedBy: UNREACHABLE },
  { name: 'send to /dev/log', act: () => sendTo(unixAddress('/dev/log')), deniedBy: UNREACHABLE },
  { name: 'send to the server socket', act: () => sendTo(unixAddress('/run/fuse4fs/server.sock')), deniedBy: UNREACHABLE },
];
