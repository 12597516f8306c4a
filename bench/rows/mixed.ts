import { fillFile } from './fill-file.js';
import { fioOperations } from './fio.js';
import type { Course } from './row.js';

const JOBS = 8;
const JOB_MIB = 16;

export const mixed: Course = {
  image: 'empty',
  prepare: async ({ mount }) => {
    for (let job = 0; job < JOBS; job++) await fillFile(`${mount}/mixed.${job}`, JOB_MIB);
  },
  rows: [
    {
      name: `fio, ${JOBS} jobs, 70 % random reads, 30 % random writes of 4 to 64 KiB`,
      unit: 'IOPS',
      caches: 'cold',
      quick: true,
      measure: ({ mount, sizes }) =>
        fioOperations(`--directory=${mount}`, '--filename_format=mixed.$jobnum', `--numjobs=${JOBS}`, `--size=${JOB_MIB}m`, '--rw=randrw', '--rwmixread=70', '--bsrange=4k-64k', '--ioengine=psync', '--fsync=64', `--runtime=${sizes.seconds}`, '--time_based'),
    },
  ],
};
