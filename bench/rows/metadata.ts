import { join } from 'node:path';
import { timeShell } from '../command.js';
import { TREE, type Contents } from '../image.js';
import type { Row } from './row.js';

/** readdir and lstat of everything, as `find -ls` does it. */
const walk = (mount: string): Promise<number> => timeShell(`find "$1" -printf '%i %m %n %s %T@ %p\\n'`, join(mount, TREE));

const readAll = (mount: string): Promise<number> => timeShell('find "$1" -type f -print0 | xargs -0 cat', join(mount, TREE));

const fileCount = ({ directories, filesPerDirectory }: Contents): number => directories * filesPerDirectory;

const metadata = { unit: 'files/s', better: 'higher', writes: false } as const;

export const metadataRows: readonly Row[] = [
  {
    ...metadata,
    name: 'walk: readdir and stat, cold',
    caches: 'cold',
    tries: 2,
    measure: async (mount, contents) => fileCount(contents) / (await walk(mount)),
  },
  {
    ...metadata,
    name: 'walk: readdir and stat, warm',
    caches: 'warm',
    prepare: async (mount) => void (await walk(mount)),
    measure: async (mount, contents) => fileCount(contents) / (await walk(mount)),
  },
  {
    ...metadata,
    name: 'open and read small files, cold',
    caches: 'cold',
    tries: 2,
    measure: async (mount, contents) => fileCount(contents) / (await readAll(mount)),
  },
  {
    ...metadata,
    name: 'open and read small files, warm',
    caches: 'warm',
    prepare: async (mount) => void (await readAll(mount)),
    measure: async (mount, contents) => fileCount(contents) / (await readAll(mount)),
  },
];
