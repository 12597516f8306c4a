import { join } from 'node:path';
import { timeShell } from '../command.js';
import { TREE } from '../image.js';
import type { Course, Place, Row } from './row.js';

/** readdir and lstat of everything, as `find -ls` does it. */
const walk = ({ mount }: Place): Promise<number> => timeShell(`find "$1" -printf '%i %m %n %s %T@ %p\\n'`, join(mount, TREE));

const readAll = ({ mount }: Place): Promise<number> => timeShell('find "$1" -type f -print0 | xargs -0 cat', join(mount, TREE));

const row = (name: string, caches: Row['caches'], pass: (place: Place) => Promise<number>): Row => ({
  name,
  unit: 'files/s',
  caches,
  quick: true,
  measure: async (place) => ({ amount: place.sizes.directories * place.sizes.filesPerDirectory, seconds: await pass(place) }),
});

/** The tree of small files; the warm rows find what the cold ones have brought in. */
export const walks: Course = {
  image: 'filled',
  isChain: true,
  rows: [
    row('walk: readdir and stat, cold', 'cold', walk),
    row('walk: readdir and stat, warm', 'warm', walk),
    row('open and read small files, cold', 'cold', readAll),
    row('open and read small files, warm', 'warm', readAll),
  ],
};
