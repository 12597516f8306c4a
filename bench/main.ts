import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { measure } from './bench.js';
import { run } from './command.js';
import { contenders, type Contender } from './contenders.js';
import { compareRequestTypes } from './floor/compare.js';
import { makeImages } from './image.js';
import { benchInTestKernel } from './inside-kernel.js';
import { machine } from './machine.js';
import { comparePassthrough } from './passthrough.js';
import { regressions } from './regressions.js';
import { report } from './report.js';
import { requestsTable } from './requests.js';
import { describe, drawing, json, StoredResult, type About } from './results.js';
import { coursesFor } from './rows/all.js';
import { fullSizes, quickSizes } from './sizes.js';
import { makeSource } from './source.js';
import { formatTable } from './table.js';

const BACKINGS = { file: tmpdir(), tmpfs: '/dev/shm' } as const;

interface Options {
  readonly rounds?: number;
  readonly quick: boolean;
  readonly store: boolean;
  readonly json?: string;
  readonly svg?: string;
  readonly against?: string;
  readonly contenders?: string;
  readonly rows?: readonly string[];
  readonly seconds?: number;
  readonly minutes?: number;
  readonly list: boolean;
  readonly backing: keyof typeof BACKINGS;
  readonly requests: boolean;
  readonly floor: boolean;
  readonly kernel: 'this' | 'uml';
}

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return value;
};

const progress = (message: string): void => void process.stderr.write(`${message}\n`);

const names = contenders.map(({ name }) => name);
const usualNames = names.filter((name) => name !== 'fuse4fs-without-iomap' && name !== 'fuse2fs-checked');
const quickNames = ['kernel', 'fuse2fs-tuned', 'fuse4fs'];
const iomapNames = [...quickNames, 'fuse4fs-without-iomap'];

const command = new Command('bench')
  .description("Compares the kernel's ext4, Debian's fuse2fs and fuse4fs on the same image on a loop device. Needs root.")
  .option('--rounds <number>', 'measurements of each figure (default 5, quick 1)', count)
  .option('--quick', 'fewer rows and contenders, smaller files, one round: three minutes', false)
  .option('--rows <text...>', 'only rows whose name contains the text, or one of several')
  .option('--contenders <names>', `which of ${names.join(', ')} (default ${usualNames.join(', ')}; quick ${quickNames.join(', ')}; with --kernel=uml ${iomapNames.join(', ')})`)
  .option('--seconds <number>', 'rows that are measured by time, or could take for ever, stop after so many', count)
  .option('--minutes <number>', 'begin no round that would not be done by then', count)
  .addOption(new Option('--backing <kind>', 'where the image file lies').choices(Object.keys(BACKINGS)).default('file'))
  .option('--store', 'keep the result in bench/results, as JSON, chart and table', false)
  .option('--against <file>', 'say in which rows we do worse than in that result (default: the stored one)')
  .option('--json <file>', 'write every sample and summary there')
  .option('--svg <file>', 'draw a chart there: times fuse2fs and times the kernel, row by row')
  .option('--list', 'only name the rows', false)
  .option('--requests', 'only count the requests that programs cause, ours beside those of fuse2fs', false)
  .option('--floor', 'only measure each type of request beside a server of constants', false)
  .addOption(new Option('--kernel <kernel>', 'this, or the test kernel (User Mode Linux), which has iomap; of its results only what is printed stays').choices(['this', 'uml']).default('this'))
  .addArgument(new Argument('[what]', 'passthrough: only a directory, natively and through mounts of it (--rounds, --seconds)').choices(['passthrough']))
  .action((what: 'passthrough' | undefined, options: Options) => (what === undefined ? main(options) : passthrough(options)));

async function passthrough({ rounds = 3, seconds = 2 }: Options): Promise<void> {
  if (process.getuid?.() !== 0) command.error('error: mounts need root');
  const scratch = mkdtempSync(join(tmpdir(), 'fuse4fs-bench-'));
  try {
    process.stdout.write(`${await comparePassthrough(scratch, rounds, seconds, progress)}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function main(options: Options): Promise<void> {
  const courses = coursesFor(({ name, quick }) => isWanted(name, options) && (!options.quick || quick === true));
  if (options.list) return void process.stdout.write(courses.flatMap(({ rows }) => rows.map(({ name, unit }) => `${name}, ${unit}\n`)).join(''));
  if (courses.length === 0) command.error(`error: no row has "${options.rows?.join('" or "')}" in its name`);
  const wanted = options.contenders?.split(',') ?? (options.quick ? quickNames : usualNames);
  const chosen = contenders.filter(({ name }) => wanted.includes(name));
  if (chosen.length !== wanted.length) command.error(`error: contenders are ${names.join(', ')}`);
  if (options.kernel === 'uml') return await inTestKernel(options);
  if (process.getuid?.() !== 0) command.error('error: loop devices, mounts and dropping caches need root');

  const scratch = mkdtempSync(join(BACKINGS[options.backing], 'fuse4fs-bench-'));
  // PostgreSQL, which does not run as root, has to reach the mount.
  chmodSync(scratch, 0o711);
  try {
    if (options.requests) process.stdout.write(`${await requestsTable(scratch)}\n`);
    else if (options.floor) process.stdout.write(`${await compareRequestTypes(scratch, progress)}\n`);
    else await compare(options, courses, chosen, scratch);
  } finally {
    await removeScratch(scratch);
  }
}

const isWanted = (row: string, { rows }: Options): boolean => rows?.some((text) => row.includes(text)) ?? true;

async function inTestKernel({ contenders: given = iomapNames.join(',') }: Options): Promise<void> {
  const words = process.argv.slice(2).filter((word, index, all) => !word.startsWith('--kernel') && all[index - 1] !== '--kernel');
  process.exitCode = await benchInTestKernel([...words, '--contenders', given], progress);
}

async function compare(options: Options, courses: ReturnType<typeof coursesFor>, chosen: readonly Contender[], scratch: string): Promise<void> {
  const { quick, backing } = options;
  const usual = quick ? quickSizes : fullSizes;
  const sizes = { ...usual, seconds: options.seconds ?? usual.seconds, patience: options.seconds ?? usual.patience };
  const rounds = options.rounds ?? (quick ? 1 : 5);
  const versions = Object.fromEntries(await Promise.all(chosen.map(async (contender) => [contender.name, await contender.version()])));
  const date = new Date().toISOString();

  progress('making the images');
  const images = await makeImages(scratch, sizes);
  await makeSource(scratch, sizes.sourceFiles);
  const minutes = options.minutes ?? Infinity;
  const reports = report(await measure({ courses, contenders: chosen, rounds, minutes, images, inMemory: backing === 'tmpfs', sizes, scratch, progress }));
  const wanted = reports.filter(({ row }) => isWanted(row, options));
  const done = Math.max(...wanted.flatMap((row) => Object.values(row.contenders).map(({ samples }) => samples.length)), 0);
  const about: About = { date, machine: machine(), versions, rounds: done, backing, sizes };
  const shown = chosen.map(({ name }) => name);
  process.stdout.write(`${describe(about).join('\n')}\n\n${formatTable(wanted, shown)}\n`);

  const stored = new StoredResult(backing, quick);
  const before = options.against ?? stored.path;
  if (before !== undefined) process.stdout.write(regressions(before, wanted).map((line) => `\n${line}`).join('').concat('\n'));
  if (options.svg !== undefined) writeFileSync(options.svg, drawing(about, wanted));
  if (options.json !== undefined) writeFileSync(options.json, json(about, wanted));
  if (options.store) process.stdout.write(`\nstored: ${stored.write(about, wanted, shown)}\n`);
}

/** Whatever is still mounted below after a failure goes first. */
async function removeScratch(scratch: string): Promise<void> {
  for (const name of ['mnt', 'fill']) {
    const target = join(scratch, name);
    if (existsSync(target)) await run('umount', '--lazy', '--quiet', target).catch(() => undefined);
  }
  rmSync(scratch, { recursive: true, force: true });
}

await command.parseAsync();
