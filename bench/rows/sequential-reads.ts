import { join } from 'node:path';
import { BIG_FILE } from '../image.js';
import { divided, fioMiB } from './fio.js';
import type { Course, Place, Row } from './row.js';

/** fio drops a file's pages before it reads it, unless told otherwise. */
const KEEP_PAGES = '--invalidate=0';

const read = ({ mount, sizes }: Place, jobs: number, ...options: readonly string[]): ReturnType<typeof fioMiB> =>
  fioMiB(`--filename=${join(mount, BIG_FILE)}`, '--readonly', '--rw=read', '--bs=1m', '--ioengine=psync', ...divided(jobs, sizes.bigFileMiB), ...options);

const row = (what: string, caches: Row['caches'], measure: Row['measure'], quick = false): Row => ({
  name: `sequential read 1 MiB, ${what}`,
  unit: 'MiB/s',
  tries: 2,
  caches,
  measure,
  quick,
});

export const sequentialReads: Course = {
  image: 'filled',
  readsBigFile: true,
  rows: [
    row('buffered, cold', 'cold', (place) => read(place, 1), true),
    row('buffered, image cached', 'backing', (place) => read(place, 1), true),
    row('buffered, 4 jobs, image cached', 'backing', (place) => read(place, 4)),
    {
      ...row('buffered, warm', 'warm', (place) => read(place, 1, KEEP_PAGES)),
      prepare: async (place) => void (await read(place, 1, KEEP_PAGES)),
    },
    row('direct, image cached', 'backing', (place) => read(place, 1, '--direct=1'), true),
    row('direct, 4 jobs, image cached', 'backing', (place) => read(place, 4, '--direct=1')),
  ],
};
