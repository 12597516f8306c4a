import { join } from 'node:path';
import { fillFile } from './fill-file.js';
import { divided, fioMiB } from './fio.js';
import type { Course, Place, Row } from './row.js';

const write = ({ mount, sizes: { writtenMiB } }: Place, name: string, jobs: number, options: readonly string[]): ReturnType<typeof fioMiB> =>
  fioMiB(`--filename=${mount}/${name}`, '--rw=write', '--bs=1m', '--ioengine=psync', `--size=${writtenMiB}m`, ...divided(jobs, writtenMiB), ...options);

/** Each into a new file. */
const row = (jobs: number, what: string, quick: boolean, ...options: readonly string[]): Row => ({
  name: `sequential write 1 MiB, ${what}${jobs > 1 ? `, ${jobs} jobs` : ''}`,
  unit: 'MiB/s',
  caches: 'cold',
  quick,
  measure: (place) => write(place, `${what.replace(/\W/g, '-')}-${jobs}`, jobs, options),
});

const OVERWRITTEN = 'overwritten';

/** Over what is there. */
const overwrite = (what: string, ...options: readonly string[]): Row => ({
  name: `sequential overwrite 1 MiB, ${what}`,
  unit: 'MiB/s',
  caches: 'cold',
  measure: (place) => write(place, OVERWRITTEN, 1, [...options, '--overwrite=1']),
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

export const sequentialOverwrites: Course = {
  image: 'empty',
  prepare: ({ mount, sizes: { writtenMiB } }) => fillFile(join(mount, OVERWRITTEN), writtenMiB),
  rows: [overwrite(BUFFERED, '--end_fsync=1'), overwrite('direct', '--direct=1')],
};
