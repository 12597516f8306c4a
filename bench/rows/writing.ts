import { join } from 'node:path';
import { run, timeShell } from '../command.js';
import { TREE, type Contents } from '../image.js';
import { fioWrite } from './fio.js';
import type { Row } from './row.js';

const writing = { caches: 'cold', writes: true, better: 'higher' } as const;

/** Files of the rows that create, look at and remove them. */
const DIRECTORIES = 100;
const CREATED = 20_000;

/** Empty files, as many in each directory; everything on the device at the end. */
const CREATE = `for d in $(seq ${DIRECTORIES}); do mkdir "$1/c$d"; (cd "$1/c$d" && seq ${CREATED / DIRECTORIES} | xargs touch); done; sync -f "$1"`;

/** Processes of the row in which many append at once, and appends of each. */
const APPENDERS = 8;
const APPENDS = 128;

const filesOf = ({ directories, filesPerDirectory }: Contents): number => directories * filesPerDirectory;

const ioRows: readonly Row[] = [
  {
    ...writing,
    name: 'sequential write 1 MiB, buffered, fsync at the end',
    unit: 'MiB/s',
    measure: async (mount, { bigFileMiB }) =>
      (await fioWrite(mount, '--rw=write', '--bs=1m', '--ioengine=psync', `--size=${bigFileMiB / 2}m`, '--end_fsync=1')).mibPerSecond,
  },
  {
    ...writing,
    name: 'random write 4 KiB, buffered, fsync at the end',
    unit: 'IOPS',
    measure: async (mount) => (await fioWrite(mount, '--rw=randwrite', '--bs=4k', '--ioengine=psync', '--size=128m', '--io_size=64m', '--end_fsync=1')).iops,
  },
  {
    ...writing,
    name: 'random write 4 KiB, buffered, no fsync',
    unit: 'IOPS',
    measure: async (mount) => (await fioWrite(mount, '--rw=randwrite', '--bs=4k', '--ioengine=psync', '--size=128m', '--io_size=64m')).iops,
  },
  {
    ...writing,
    name: 'append 4 KiB and fsync',
    unit: 'IOPS',
    measure: async (mount) => (await fioWrite(mount, '--rw=write', '--bs=4k', '--ioengine=psync', '--size=4m', '--fsync=1')).iops,
  },
  {
    ...writing,
    name: `append 4 KiB and fsync, ${APPENDERS} processes`,
    unit: 'appends/s',
    measure: async (mount) => {
      const append = `dd if=/dev/zero of="$1/app$i" bs=4k count=${APPENDS} oflag=append,sync conv=notrunc status=none`;
      return (APPENDERS * APPENDS) / (await timeShell(`for i in $(seq ${APPENDERS}); do ${append} & done; wait`, mount));
    },
  },
];

const treeRows: readonly Row[] = [
  {
    ...writing,
    name: 'create empty files',
    unit: 'files/s',
    measure: async (mount) => CREATED / (await timeShell(CREATE, mount)),
  },
  {
    ...writing,
    name: 'stat what was just created',
    unit: 'files/s',
    caches: 'warm',
    prepare: async (mount) => void (await timeShell(CREATE, mount)),
    measure: async (mount) => CREATED / (await timeShell('find "$1" -path "*/c[0-9]*/*" -printf "%s %T@\\n"', mount)),
  },
  {
    ...writing,
    name: 'unlink what was just created',
    unit: 'files/s',
    caches: 'warm',
    prepare: async (mount) => void (await timeShell(CREATE, mount)),
    measure: async (mount) => CREATED / (await timeShell('rm -rf "$1"/c[0-9]* && sync -f "$1"', mount)),
  },
  {
    ...writing,
    name: 'remove a tree of small files (rm -r)',
    unit: 'files/s',
    measure: async (mount, contents) => filesOf(contents) / (await timeShell('rm -rf "$1" && sync -f "$2"', join(mount, TREE), mount)),
  },
  {
    ...writing,
    name: 'copy a tree of small files (cp -a)',
    unit: 'files/s',
    measure: async (mount, contents) => filesOf(contents) / (await timeShell('cp -a "$1" "$2/copy" && sync -f "$2"', join(mount, TREE), mount)),
  },
  {
    ...writing,
    name: 'unpack a tree of small files (tar)',
    unit: 'files/s',
    caches: 'warm',
    prepare: async (mount) => void (await run('tar', '-C', mount, '-cf', join(mount, 'tree.tar'), TREE)),
    measure: async (mount, contents) => filesOf(contents) / (await timeShell('mkdir "$1/unpacked" && tar -C "$1/unpacked" -xf "$1/tree.tar" && sync -f "$1"', mount)),
  },
  {
    ...writing,
    name: 'git clone of a tree of small files',
    unit: 'files/s',
    caches: 'warm',
    prepare: async (mount) =>
      void (await timeShell('cd "$1" && git init -q && git config gc.auto 0 && git add . && git -c user.name=bench -c user.email=bench@localhost commit -qm all', join(mount, TREE))),
    measure: async (mount, contents) => filesOf(contents) / (await timeShell('git clone -q "$1" "$2/clone" && sync -f "$2"', join(mount, TREE), mount)),
  },
];

export const writingRows: readonly Row[] = [...ioRows, ...treeRows];
