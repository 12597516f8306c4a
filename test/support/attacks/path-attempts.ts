import { constants } from 'node:fs';
import type { Attempt } from './attempts.js';
import { systemCall } from './system-calls.js';

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const O_PATH = 0o10000000;
const O_TMPFILE = 0o20200000;
const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_DIRECTORY } = constants;

const open = (path: string, flags: number): number => systemCall('openat', AT_FDCWD, path, flags, 0o600);

const opened = (path: string, flags = O_RDONLY): Attempt => ({ name: `open ${path}`, act: () => open(path, flags) });
/** Only seen, by a call that looks at descriptors too. */
const seen = (path: string): Attempt => ({
  name: `stat ${path}`,
  act: () => systemCall('newfstatat', AT_FDCWD, path, new Uint8Array(256), AT_SYMLINK_NOFOLLOW),
});

const changing = (name: string, ...parameters: (number | string | Uint8Array)[]): Attempt => ({ name, act: () => systemCall(name, ...parameters) });

export const pathAttempts: readonly Attempt[] = [
  ...['/', '/etc/passwd', '/etc/shadow', '/dev/null', '/sys', '/run', '/tmp', '/root', '/.outside', '/../../etc/passwd'].map((path) => opened(path)),
  ...['/proc', '/proc/1', '/proc/self/environ', '/proc/self/fd', '/proc/self/maps', '/proc/self/exe'].map((path) => opened(path)),
  ...['/fuse4fs/package.json', '/usr/lib/fuse4fs/package.json', '/node', '/usr/bin/node'].map((path) => opened(path)),
  opened('/dev/fuse', O_RDWR),
  opened('/proc/self/mem', O_RDWR),
  opened('/etc/passwd', O_RDONLY | O_PATH),
  { name: 'open / as a place to begin at', act: () => open('/', O_PATH | O_DIRECTORY) },
  { name: 'create /tmp/new', act: () => open('/tmp/new', O_WRONLY | O_CREAT) },
  { name: 'create /new', act: () => open('/new', O_WRONLY | O_CREAT) },
  { name: 'a file without a name', act: () => open('/tmp', O_TMPFILE | O_RDWR) },
  { name: 'openat2 /', act: () => systemCall('openat2', AT_FDCWD, '/', new Uint8Array(24), 24) },
  { name: 'open by its old name', act: () => systemCall('open', '/etc/passwd', 0, 0), deniedBy: ['EPERM', 'ENOSYS'] },
  { name: 'creat', act: () => systemCall('creat', '/new', 0o600), deniedBy: ['EPERM', 'ENOSYS'] },
  { name: 'open relative to the device', act: ({ device }) => systemCall('openat', device, '..', O_RDONLY) },
  { name: 'open the device anew', act: ({ device }) => open(`/proc/self/fd/${device}`, O_RDWR) },
  { name: 'open by handle', act: ({ device }) => systemCall('open_by_handle_at', device, new Uint8Array(128), O_RDONLY) },
  { name: 'a handle of the device', act: ({ device }) => systemCall('name_to_handle_at', device, '', new Uint8Array(128), new Uint8Array(8), AT_EMPTY_PATH) },
  ...['/etc/passwd', '/proc/1/root', '/dev/fuse', '/.outside', '/home', '/run/fuse4fs/server.sock'].map(seen),
  { name: 'stat as if it were of a descriptor', act: ({ device }) => systemCall('newfstatat', device, '/proc', new Uint8Array(256), AT_EMPTY_PATH) },
  { name: 'statx /etc/hosts', act: () => systemCall('statx', AT_FDCWD, '/etc/hosts', 0, 0x7ff, new Uint8Array(256)) },
  { name: 'statx /proc/1/fd/0', act: () => systemCall('statx', AT_FDCWD, '/proc/1/fd/0', 0, 0x7ff, new Uint8Array(256)) },
  { name: 'read a link of /proc', act: () => systemCall('readlinkat', AT_FDCWD, '/proc/self/exe', new Uint8Array(256), 256) },
  { name: 'access /etc/passwd', act: () => systemCall('access', '/etc/passwd', 0), deniedBy: ['EPERM', 'ENOSYS'] },
  changing('chdir', '/'),
  changing('chroot', '/'),
  changing('mkdirat', AT_FDCWD, '/tmp/new', 0o700),
  changing('mknodat', AT_FDCWD, '/tmp/node', 0o20666, 0x103),
  changing('unlinkat', AT_FDCWD, '/node', 0),
  changing('renameat2', AT_FDCWD, '/node', AT_FDCWD, '/new', 0),
  changing('symlinkat', '/etc', AT_FDCWD, '/tmp/link'),
  changing('linkat', AT_FDCWD, '/node', AT_FDCWD, '/tmp/link', 0),
  changing('utimensat', AT_FDCWD, '/node', new Uint8Array(32), 0),
  changing('inotify_init1', 0),
  changing('fanotify_init', 0, 0),
];
