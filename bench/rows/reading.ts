import { fioRead } from './fio.js';
import type { Row } from './row.js';

const reading = { better: 'higher', writes: false } as const;

export const readingRows: readonly Row[] = [
  {
    ...reading,
    name: 'sequential read 1 MiB, buffered, cold',
    unit: 'MiB/s',
    tries: 5,
    caches: 'cold',
    measure: async (mount) => (await fioRead(mount, '--rw=read', '--bs=1m', '--ioengine=psync')).mibPerSecond,
  },
  {
    ...reading,
    name: 'sequential read 1 MiB, buffered, image cached',
    unit: 'MiB/s',
    tries: 5,
    caches: 'backing',
    measure: async (mount) => (await fioRead(mount, '--rw=read', '--bs=1m', '--ioengine=psync')).mibPerSecond,
  },
  {
    ...reading,
    name: 'sequential read 1 MiB, direct, image cached',
    unit: 'MiB/s',
    tries: 5,
    caches: 'backing',
    measure: async (mount) => (await fioRead(mount, '--rw=read', '--bs=1m', '--ioengine=psync', '--direct=1')).mibPerSecond,
  },
  {
    ...reading,
    name: 'random read 4 KiB, buffered, cold',
    unit: 'IOPS',
    tries: 3,
    caches: 'cold',
    measure: async (mount) => (await fioRead(mount, '--rw=randread', '--bs=4k', '--ioengine=psync', '--io_size=16m')).iops,
  },
  {
    ...reading,
    name: 'random read 4 KiB, buffered, image cached',
    unit: 'IOPS',
    tries: 3,
    caches: 'backing',
    measure: async (mount) => (await fioRead(mount, '--rw=randread', '--bs=4k', '--ioengine=psync', '--io_size=64m')).iops,
  },
  ...[1, 16].map(
    (depth): Row => ({
      ...reading,
      name: `random read 4 KiB, direct, depth ${depth}, image cached`,
      unit: 'IOPS',
      tries: 3,
      caches: 'backing',
      measure: async (mount) =>
        (await fioRead(mount, '--rw=randread', '--bs=4k', '--direct=1', '--ioengine=libaio', `--iodepth=${depth}`, '--runtime=1', '--time_based')).iops,
    }),
  ),
];
