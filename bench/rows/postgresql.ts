import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../command.js';
import type { Course, Place, Work } from './row.js';

const DEBIAN = '/usr/lib/postgresql';
const CLIENTS = 4;
const SCALE = 2;

/** Debian keeps the programs of each version in a directory of their own, off the search path. */
const directory = [...(existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one)).map((version) => join(DEBIAN, version, 'bin')) : []), ...(process.env['PATH'] ?? '').split(':')].find(
  (candidate) => ['initdb', 'pg_ctl', 'pgbench'].every((program) => existsSync(join(candidate, program))),
);

/** PostgreSQL does not run as root. */
const asNobody = (program: string, ...args: readonly string[]): Promise<string> =>
  run('setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', 'env', '-C', '/', 'LC_ALL=C', join(directory ?? '', program), ...args);

const dataOf = ({ mount }: Place): string => join(mount, 'postgresql');
const socketsOf = ({ outside }: Place): string => join(outside, 'postgresql');

async function ownedByNobody(path: string): Promise<void> {
  mkdirSync(path, { mode: 0o700, recursive: true });
  chownSync(path, Number(await run('id', '-u', 'nobody')), Number(await run('id', '-g', 'nobody')));
}

async function start(place: Place): Promise<void> {
  const [data, sockets] = [dataOf(place), socketsOf(place)];
  await ownedByNobody(data);
  await ownedByNobody(sockets);
  await asNobody('initdb', '-D', data, '-A', 'trust', '-U', 'bench', '--locale=C', '-E', 'UTF8', '--no-sync');
  await asNobody('pg_ctl', 'start', '-w', '-s', '-D', data, '-l', join(sockets, 'log'), '-o', `-k ${sockets} -c listen_addresses= -c shared_buffers=32MB`);
  await asNobody('pgbench', '-i', '-q', '-s', String(SCALE), '-h', sockets, '-U', 'bench', 'postgres');
}

async function measure(place: Place): Promise<Work> {
  const output = await asNobody('pgbench', '-n', '-c', String(CLIENTS), '-T', String(place.sizes.seconds), '-h', socketsOf(place), '-U', 'bench', 'postgres');
  const done = /transactions actually processed: (\d+)/.exec(output)?.[1];
  const perSecond = /tps = ([\d.]+)/.exec(output)?.[1];
  if (done === undefined || perSecond === undefined) throw new Error('pgbench does not tell its rate');
  return { amount: Number(done), seconds: Number(done) / Number(perSecond) };
}

export const postgresql: Course = {
  image: 'empty',
  impossible: () => (directory === undefined ? 'not installed: PostgreSQL (package postgresql)' : undefined),
  prepare: start,
  rows: [
    {
      name: `PostgreSQL, pgbench with ${CLIENTS} clients`,
      unit: 'transactions/s',
      caches: 'warm',
      measure,
    },
  ],
  finish: async (place) => {
    if (existsSync(join(dataOf(place), 'postmaster.pid'))) await asNobody('pg_ctl', 'stop', '-w', '-s', '-D', dataOf(place), '-m', 'immediate');
  },
};
