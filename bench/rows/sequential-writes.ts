import { divided, fioMiB } from './fio.js';
import type { Course, Row } from './row.js';

/** Each into a new file. */
const row = (jobs: number, what: string, quick: boolean, ...options: readonly string[]): Row => ({
  name: `sequential write 1 MiB, ${what}${jobs > 1 ? `, ${jobs} jobs` : ''}`,
  unit: 'MiB/s',
  caches: 'cold',
  quick,
  measure: ({ mount, sizes: { writtenMiB } }) =>
    fioMiB(`--filename=${mount}/${what.replace(/\W/g, '-')}-${jobs}`, '--rw=write', '--bs=1m', '--ioengine=psync', `--size=${writtenMiB}m`, ...divided(jobs, writtenMiB), ...options),
});

const BUFFERED = 'buffered, fsync at the end';

export const sequentialWrites: Course = {
  image: 'empty',
  rows: [
    row(1, BUFFERED, true, '--end_fsync=1', '--fallocate=none'),
    row(4, BUFFERED, false, '--end_fsync=1', '--fallocate=none'),
    row(1, 'direct', true, '--direct=1', '--fallocate=none'),
    row(4, 'direct', false, '--direct=1', '--fallocate=none'),
  ],
};
