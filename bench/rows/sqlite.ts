import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { timeShell } from '../command.js';
import type { Course, Place, Row } from './row.js';

const row = (journal: 'delete' | 'wal', what: string): Row => ({
  name: `SQLite inserts, each a transaction, ${what}`,
  unit: 'inserts/s',
  caches: 'cold',
  quick: journal === 'delete',
  measure: async ({ mount, outside, sizes: { inserts } }: Place) => {
    const script = join(outside, 'inserts.sql');
    const insert = (number: number): string => `INSERT INTO entries VALUES (${number}, hex(randomblob(100)));`;
    writeFileSync(script, [`PRAGMA journal_mode=${journal}; PRAGMA synchronous=FULL;`, 'CREATE TABLE entries (number INTEGER PRIMARY KEY, text TEXT);', ...Array.from({ length: inserts }, (_, number) => insert(number)), ''].join('\n'));
    return { amount: inserts, seconds: await timeShell('sqlite3 -bail "$1" < "$2"', join(mount, `${journal}.db`), script) };
  },
});

export const sqlite: Course = { image: 'empty', rows: [row('delete', 'rollback journal'), row('wal', 'write-ahead log')] };
