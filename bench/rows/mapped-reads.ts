import { join } from 'node:path';
import { BIG_FILE } from '../image.js';
import { fioMiB, fioOperations } from './fio.js';
import type { Course, Place } from './row.js';

const options = ({ mount }: Place, order: 'read' | 'randread'): readonly string[] => [
  `--filename=${join(mount, BIG_FILE)}`,
  '--readonly',
  `--rw=${order}`,
  '--bs=4k',
  '--ioengine=mmap',
];

/** mmap(2): each page is a fault. */
export const mappedReads: Course = {
  image: 'filled',
  readsBigFile: true,
  rows: [
    {
      name: 'mmap read, sequential, cold',
      unit: 'MiB/s',
      caches: 'cold',
      tries: 2,
      measure: (place) => fioMiB(...options(place, 'read')),
    },
    {
      name: 'mmap read, sequential, image cached',
      unit: 'MiB/s',
      caches: 'backing',
      tries: 2,
      measure: (place) => fioMiB(...options(place, 'read')),
    },
    {
      name: 'mmap read, random 4 KiB, image cached',
      unit: 'IOPS',
      caches: 'backing',
      measure: (place) => fioOperations(...options(place, 'randread'), `--runtime=${place.sizes.seconds}`),
    },
  ],
};
