import type { Attempt, Surroundings } from './attempts.js';
import { systemCall } from './system-calls.js';

const IOCTLS = {
  BLKROSET: 0x125d,
  BLKRRPART: 0x125f,
  BLKFLSBUF: 0x1261,
  BLKSECDISCARD: 0x127d,
  BLKTRACESETUP: 0xc0481273,
  BLKPG: 0x1269,
  SG_IO: 0x2285,
  LOOP_SET_FD: 0x4c00,
  LOOP_CLR_FD: 0x4c01,
  FS_IOC_SETFLAGS: 0x40086602,
  FS_IOC_FSSETXATTR: 0x401c5820,
  FS_IOC_ENABLE_VERITY: 0x40806685,
  FICLONE: 0x40049409,
  FIFREEZE: 0xc0045877,
  FITRIM: 0xc0185879,
  TIOCSTI: 0x5412,
  TIOCSCTTY: 0x540e,
  TIOCLINUX: 0x541c,
  SIOCGIFCONF: 0x8912,
  FUSE_DEV_IOC_CLONE: 0x8004e500,
  FUSE_DEV_IOC_BACKING_OPEN: 0x4010e501,
  FUSE_DEV_IOC_BACKING_CLOSE: 0x4004e502,
  FUSE_DEV_IOC_ADD_IOMAP: 0x8004e563,
} as const;

const FCNTLS = { F_SETLK: 6, F_SETOWN: 8, F_SETSIG: 10, F_SETOWN_EX: 15, F_SETLEASE: 1024, F_NOTIFY: 1026, F_SETPIPE_SZ: 1031, F_ADD_SEALS: 1033, F_SET_RW_HINT: 1036 } as const;

const BLKDISCARD = 0x1277;
const BLKZEROOUT = 0x127f;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const bytes = (): Uint8Array => new Uint8Array(512);

const best = (results: readonly number[]): number => Math.max(...results);

const control = (name: string, request: number): Attempt => ({
  name: `ioctl ${name}`,
  act: ({ device, fuse }) => best([device, fuse, 0, 2].map((fd) => systemCall('ioctl', fd, request, bytes()))),
});
const fileControl = (name: string, command: number): Attempt => ({
  name: `fcntl ${name}`,
  act: ({ device, fuse }) => best([device, fuse].map((fd) => systemCall('fcntl', fd, command, bytes()))),
});
/** Nothing to deny where the mount may be written. */
const onlyReadable = (name: string, act: (surroundings: Surroundings) => number): Attempt => ({
  name: `${name} on a read-only mount`,
  act: (surroundings) => (surroundings.writable ? -1 : act(surroundings)),
  deniedBy: ['EPERM', 'EBADF', 'EINVAL', 'ENOTTY', 'EACCES'],
});
const call = (name: string, act: (surroundings: Surroundings) => number): Attempt => ({ name, act });

export const descriptorAttempts: readonly Attempt[] = [
  ...Object.entries(IOCTLS).map(([name, request]) => control(name, request)),
  // The kernel looks at the lower half only, and so must the filter.
  { name: 'ioctl TIOCSTI with a high half', act: () => systemCall('ioctl', 0, 0x1_0000_5412, bytes()) },
  ...Object.entries(FCNTLS).map(([name, command]) => fileControl(name, command)),
  onlyReadable('write', ({ device }) => systemCall('write', device, bytes(), 512)),
  onlyReadable('pwrite', ({ device }) => systemCall('pwrite64', device, bytes(), 512, 0)),
  onlyReadable('truncate', ({ device }) => systemCall('ftruncate', device, 0)),
  onlyReadable('fallocate', ({ device }) => systemCall('fallocate', device, 3, 0, 4096)),
  onlyReadable('BLKDISCARD', ({ device }) => systemCall('ioctl', device, BLKDISCARD, bytes())),
  onlyReadable('BLKZEROOUT', ({ device }) => systemCall('ioctl', device, BLKZEROOUT, bytes())),
  call('fchmod', ({ device }) => systemCall('fchmod', device, 0o777)),
  call('fchown', ({ device }) => systemCall('fchown', device, 0, 0)),
  call('fsetxattr', ({ device }) => systemCall('fsetxattr', device, 'user.attack', bytes(), 1, 0)),
  call('fgetxattr', ({ device }) => systemCall('fgetxattr', device, 'security.capability', bytes(), 512)),
  call('map the device shared', ({ device }) => systemCall('mmap', 0, 4096, PROT_READ_WRITE, MAP_SHARED, device, 0)),
  call('map /dev/fuse', ({ fuse }) => systemCall('mmap', 0, 4096, PROT_READ_WRITE, MAP_SHARED, fuse, 0)),
  call('list a descriptor', ({ device }) => systemCall('getdents64', device, bytes(), 512)),
  call('splice', ({ device }) => systemCall('splice', device, 0, 2, 0, 4096, 0)),
  call('tee', () => systemCall('tee', 1, 2, 4096, 0)),
  call('vmsplice', () => systemCall('vmsplice', 2, bytes(), 1, 0)),
  call('sendfile', ({ device }) => systemCall('sendfile', 2, device, 0, 4096)),
  call('copy_file_range', ({ device }) => systemCall('copy_file_range', device, 0, device, 0, 4096, 0)),
  call('syncfs', ({ device }) => systemCall('syncfs', device)),
];
