import type { Attempt } from './attempts.js';
import { systemCall } from './system-calls.js';

const call = (name: string, ...parameters: (number | string | Uint8Array)[]): Attempt => ({ name, act: () => systemCall(name, ...parameters) });
/** Calls that only one architecture has. */
const oldCall = (name: string, ...parameters: (number | string | Uint8Array)[]): Attempt => ({ ...call(name, ...parameters), deniedBy: ['EPERM', 'ENOSYS'] });

const AT_FDCWD = -100;
const MS_BIND = 4096;
const OPEN_TREE_CLONE = 1;
const buffer = (): Uint8Array => new Uint8Array(256);

/** All of these are stopped by the filter, before the kernel has looked at a single argument. */
export const kernelAttempts: readonly Attempt[] = [
  call('mount', '/', '/', 0, MS_BIND, 0),
  { name: 'mount a tmpfs', act: () => systemCall('mount', 'none', '/tmp', 'tmpfs', 0, 0) },
  call('umount2', '/', 2),
  call('pivot_root', '/', '/'),
  call('open_tree', AT_FDCWD, '/', OPEN_TREE_CLONE),
  call('move_mount', AT_FDCWD, '/', AT_FDCWD, '/', 0),
  call('fsopen', 'tmpfs', 0),
  call('fsconfig', 0, 0, 0, 0, 0),
  call('fsmount', 0, 0, 0),
  call('fspick', AT_FDCWD, '/', 0),
  call('mount_setattr', AT_FDCWD, '/', 0, buffer(), 32),
  call('quotactl', 0, '/dev/sda', 0, buffer()),
  call('swapon', '/dev/sda', 0),
  call('swapoff', '/dev/sda'),
  call('keyctl', 0, -3, 0, 0, 0),
  call('add_key', 'user', 'attack', buffer(), 1, -2),
  call('request_key', 'user', 'attack', 0, -2),
  call('bpf', 5, buffer(), 128),
  { name: 'bpf map', act: () => systemCall('bpf', 0, buffer(), 128) },
  call('perf_event_open', new Uint8Array(128), 0, -1, -1, 0),
  call('io_uring_setup', 8, buffer()),
  call('io_uring_enter', 0, 1, 0, 0, 0, 0),
  call('io_uring_register', 0, 0, 0, 0),
  call('io_setup', 8, buffer()),
  call('userfaultfd', 1),
  call('memfd_create', 'attack', 0),
  oldCall('memfd_secret', 0),
  // Without the filter, the magic numbers would make it harmless.
  call('reboot', 0, 0, 0, 0),
  call('init_module', buffer(), 256, ''),
  call('finit_module', 0, '', 0),
  call('delete_module', 'fuse', 0),
  call('kexec_load', 0, 0, 0, 0),
  oldCall('kexec_file_load', 0, 0, 0, 0, 0),
  call('sethostname', 'attack', 6),
  call('setdomainname', 'attack', 6),
  call('settimeofday', buffer(), 0),
  call('clock_settime', 0, buffer()),
  call('adjtimex', buffer()),
  call('acct', 0),
  call('syslog', 3, buffer(), 256),
  oldCall('iopl', 3),
  oldCall('ioperm', 0x70, 2, 1),
  oldCall('modify_ldt', 0, buffer(), 256),
  oldCall('uselib', '/node'),
  oldCall('ustat', 0, buffer()),
  call('vhangup'),
  call('mlockall', 3),
  call('mbind', 0, 4096, 0, 0, 0, 0),
  call('shmget', 0, 4096, 0o1600),
  call('msgget', 0, 0o1600),
  call('semget', 0, 1, 0o1600),
  call('mq_open', 'attack', 0o102, 0o600, 0),
  call('sync'),
];
