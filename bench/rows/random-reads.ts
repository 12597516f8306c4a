import { join } from 'node:path';
import { BIG_FILE } from '../image.js';
import { fioOperations } from './fio.js';
import type { Course, Place, Row } from './row.js';

const read = ({ mount }: Place, ...options: readonly string[]): ReturnType<typeof fioOperations> =>
  fioOperations(`--filename=${join(mount, BIG_FILE)}`, '--readonly', '--rw=randread', '--bs=4k', ...options);

const buffered = (what: string, caches: Row['caches'], quick: boolean): Row => ({
  name: `random read 4 KiB, buffered, ${what}`,
  unit: 'IOPS',
  caches,
  quick,
  measure: (place) => read(place, '--ioengine=psync', `--runtime=${place.sizes.seconds}`),
});

const direct = (depth: number, quick: boolean): Row => ({
  name: `random read 4 KiB, direct, depth ${depth}, image cached`,
  unit: 'IOPS',
  caches: 'backing',
  quick,
  measure: (place) => read(place, '--direct=1', '--ioengine=libaio', `--iodepth=${depth}`, '--runtime=1', '--time_based'),
});

export const randomReads: Course = {
  image: 'filled',
  readsBigFile: true,
  rows: [buffered('cold', 'cold', false), buffered('image cached', 'backing', true), direct(1, true), direct(16, true), direct(64, false)],
};
