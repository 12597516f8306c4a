/** npm run bench -- passthrough: a directory, the same through a mount of it, and through one whose server reads and writes. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './command.js';
import { fioMiB, fioOperations } from './rows/fio.js';
import type { Work } from './rows/row.js';
import { columns, rounded } from './table.js';

const FILE_MIB = 256;
const cli = fileURLToPath(new URL('../cli/fuse4fs.cjs', import.meta.url));

interface TreeRow {
  readonly name: string;
  readonly unit: 'MiB/s' | 'IOPS';
  measure(file: string, seconds: number): Promise<Work>;
}

const KINDS = [
  { name: 'sequential read 1 MiB', unit: 'MiB/s', options: ['--rw=read', '--bs=1m'] },
  { name: 'random read 4 KiB', unit: 'IOPS', options: ['--rw=randread', '--bs=4k', '--norandommap'] },
  { name: 'sequential write 1 MiB', unit: 'MiB/s', options: ['--rw=write', '--bs=1m'] },
  { name: 'random write 4 KiB', unit: 'IOPS', options: ['--rw=randwrite', '--bs=4k', '--norandommap'] },
] as const;

/** With the file in memory: what the mount costs, and not the disk, is what differs. */
const ROWS: readonly TreeRow[] = KINDS.flatMap(({ name, unit, options }) =>
  [['buffered', []], ['direct', ['--direct=1']]].map(([how, more]) => ({
    name: `${name}, ${String(how)}`,
    unit,
    measure: (file: string, seconds: number) =>
      (unit === 'IOPS' ? fioOperations : fioMiB)(`--filename=${file}`, `--size=${FILE_MIB}m`, '--ioengine=psync', '--time_based', `--runtime=${seconds}`, '--invalidate=0', ...options, ...(more ?? [])),
  })),
);

const WAYS = { directory: undefined, passthrough: 'passthrough=auto', plain: 'passthrough=off' } as const;
type Way = keyof typeof WAYS;
const NAMES = Object.keys(WAYS) as Way[];

/** @param scratch a directory on the filesystem that is measured. @returns the table */
export async function comparePassthrough(scratch: string, rounds: number, seconds: number, progress: (message: string) => void): Promise<string> {
  const tree = join(scratch, 'tree');
  mkdirSync(tree);
  const places = Object.fromEntries(NAMES.map((way) => [way, WAYS[way] === undefined ? tree : join(scratch, way)])) as Record<Way, string>;
  const rates = new Map<string, number[]>();
  const mounted: string[] = [];
  try {
    for (const way of NAMES) {
      if (WAYS[way] === undefined) continue;
      mkdirSync(places[way]);
      await run(process.execPath, cli, '-t', 'passthrough', tree, places[way], '-o', WAYS[way]);
      mounted.push(places[way]);
    }
    for (const way of NAMES) await run('dd', 'if=/dev/zero', `of=${join(places[way], way)}`, 'bs=1M', `count=${FILE_MIB}`, 'conv=fsync');
    for (let round = 0; round < rounds; round++) {
      for (const row of ROWS) {
        progress(`${row.name}, round ${round + 1}`);
        // Each begins once.
        for (const way of NAMES.map((_, index) => NAMES[(index + round) % NAMES.length] ?? 'directory')) {
          const { amount, seconds: taken } = await row.measure(join(places[way], way), seconds);
          const key = `${row.name} ${way}`;
          rates.set(key, [...(rates.get(key) ?? []), amount / taken]);
        }
      }
    }
  } finally {
    for (const target of mounted) await run(process.execPath, cli, 'umount', target);
  }
  return table((row, way) => median(rates.get(`${row.name} ${way}`) ?? []));
}

const median = (values: readonly number[]): number => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

function table(rate: (row: TreeRow, way: Way) => number): string {
  return columns([
    ['', ...NAMES, 'passthrough × directory', 'passthrough × plain'],
    ...ROWS.map((row) => {
      const [native, passed, plain] = NAMES.map((way) => rate(row, way)) as [number, number, number];
      return [`${row.name}, ${row.unit}`, ...[native, passed, plain].map(rounded), (passed / native).toFixed(2), (passed / plain).toFixed(2)];
    }),
  ]);
}
