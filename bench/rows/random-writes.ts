import { join } from 'node:path';
import { fioOperations } from './fio.js';
import { fillFile } from './fill-file.js';
import type { Course, Place, Row } from './row.js';

const FILE = 'overwritten';
const FILE_MIB = 256;

const write = ({ mount }: Place, ...options: readonly string[]): ReturnType<typeof fioOperations> =>
  fioOperations(`--filename=${join(mount, FILE)}`, `--size=${FILE_MIB}m`, '--rw=randwrite', '--bs=4k', ...options);

const buffered = (what: string, quick: boolean, ...options: readonly string[]): Row => ({
  name: `random write 4 KiB, buffered, ${what}`,
  unit: 'IOPS',
  caches: 'cold',
  quick,
  measure: (place) => write(place, '--ioengine=psync', `--runtime=${place.sizes.seconds}`, ...options),
});

const direct = (depth: number, quick: boolean): Row => ({
  name: `random write 4 KiB, direct, depth ${depth}`,
  unit: 'IOPS',
  caches: 'cold',
  quick,
  measure: (place) => write(place, '--direct=1', '--ioengine=libaio', `--iodepth=${depth}`, '--runtime=1', '--time_based'),
});

/** Into a file that has all its blocks. */
export const randomWrites: Course = {
  image: 'empty',
  prepare: ({ mount }) => fillFile(join(mount, FILE), FILE_MIB),
  rows: [buffered('fsync at the end', true, '--end_fsync=1'), buffered('no fsync', false), direct(1, true), direct(16, true), direct(64, false)],
};
