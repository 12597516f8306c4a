import { fioOperations } from './fio.js';
import type { Course, Row } from './row.js';

const MOST_PER_PROCESS_MIB = 64;

const row = (processes: number): Row => ({
  name: `append 4 KiB and fsync${processes > 1 ? `, ${processes} processes` : ''}`,
  unit: 'appends/s',
  caches: 'cold',
  quick: true,
  measure: async ({ mount, sizes }) =>
    fioOperations(`--directory=${mount}`, `--filename_format=appended-${processes}.$jobnum`, `--numjobs=${processes}`, '--rw=write', '--bs=4k', '--ioengine=psync', '--fallocate=none', '--fsync=1', `--size=${MOST_PER_PROCESS_MIB}m`, `--runtime=${sizes.seconds}`),
});

/** Each process into a file of its own. */
export const appends: Course = { image: 'empty', rows: [row(1), row(8)] };
