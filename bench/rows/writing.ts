import { join } from 'node:path';
import { timeShell } from '../command.js';
import { TREE, type Contents } from '../image.js';
import { fioWrite } from './fio.js';
import type { Row } from './row.js';

const writing = { caches: 'cold', writes: true } as const;

/** Small files made in rows that measure creating; found again in those that remove. */
const CREATED = 10_000;

/** Empty files, 100 in a directory, and everything on the device at the end. */
const CREATE = 'for d in $(seq 100); do mkdir "$1/c$d"; (cd "$1/c$d" && seq 100 | xargs touch); done; sync -f "$1"';

export const writingRows: readonly Row[] = [
  {
    ...writing,
    name: 'sequential write 1 MiB, buffered, fsync at the end',
    unit: 'MiB/s',
    better: 'higher',
    measure: async (mount, { bigFileMiB }) =>
      (await fioWrite(mount, '--rw=write', '--bs=1m', '--ioengine=psync', `--size=${bigFileMiB / 2}m`, '--end_fsync=1')).mibPerSecond,
  },
  {
    ...writing,
    name: 'random write 4 KiB, buffered, fsync at the end',
    unit: 'IOPS',
    better: 'higher',
    measure: async (mount) => (await fioWrite(mount, '--rw=randwrite', '--bs=4k', '--ioengine=psync', '--size=128m', '--io_size=64m', '--end_fsync=1')).iops,
  },
  {
    ...writing,
    name: 'append 4 KiB and fsync',
    unit: 'IOPS',
    better: 'higher',
    measure: async (mount) => (await fioWrite(mount, '--rw=write', '--bs=4k', '--ioengine=psync', '--size=4m', '--fsync=1')).iops,
  },
  {
    ...writing,
    name: 'create empty files',
    unit: 'files/s',
    better: 'higher',
    measure: async (mount) => CREATED / (await timeShell(CREATE, mount)),
  },
  {
    ...writing,
    name: 'remove a tree of small files',
    unit: 'files/s',
    better: 'higher',
    measure: async (mount, contents: Contents) =>
      (contents.directories * contents.filesPerDirectory) / (await timeShell('rm -rf "$1" && sync -f "$2"', join(mount, TREE), mount)),
  },
  {
    ...writing,
    name: 'copy a tree of small files',
    unit: 'files/s',
    better: 'higher',
    measure: async (mount, contents: Contents) =>
      (contents.directories * contents.filesPerDirectory) / (await timeShell('cp -a "$1" "$2/copy" && sync -f "$2"', join(mount, TREE), mount)),
  },
];
