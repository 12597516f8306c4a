import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { measure } from './bench.js';
import { chart } from './chart.js';
import { run } from './command.js';
import { contenders, fuse2fs, usualContenders } from './contenders.js';
import { fullContents, machine, makeImage, quickContents } from './image.js';
import { formatTable, report } from './report.js';
import { regressions } from './regressions.js';
import { requestsTable } from './requests.js';
import { metadataRows } from './rows/metadata.js';
import { readingRows } from './rows/reading.js';
import { writingRows } from './rows/writing.js';

const allRows = [...readingRows, ...metadataRows, ...writingRows];

const BACKINGS = { file: tmpdir(), tmpfs: '/dev/shm' } as const;

interface Options {
  readonly rounds?: number;
  readonly quick: boolean;
  readonly json?: string;
  readonly svg?: string;
  readonly against?: string;
  readonly contenders: string;
  readonly rows?: string;
  readonly backing: keyof typeof BACKINGS;
  readonly requests: boolean;
}

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return value;
};

const command = new Command('bench')
  .description("Compares the kernel's ext4, Debian's fuse2fs and fuse4fs on the same image on a loop device. Needs root.")
  .option('--rounds <number>', 'measurements of each figure (default 5, quick 3)', count)
  .option('--quick', 'a smaller file and fewer rounds', false)
  .option('--json <file>', 'write every sample and summary there')
  .option('--svg <file>', 'draw a chart there: times fuse2fs, row by row')
  .option('--against <file>', 'a result that was written with --json: say in which rows we do worse now')
  .option('--contenders <names>', `which of ${contenders.map(({ name }) => name).join(', ')}`, usualContenders.join(','))
  .option('--rows <text>', 'only rows whose name contains the text')
  .addOption(new Option('--backing <kind>', 'where the image file lies').choices(Object.keys(BACKINGS)).default('file'))
  .option('--requests', 'only count the requests that programs cause, ours beside those of fuse2fs', false)
  .action(main);

async function main(options: Options): Promise<void> {
  if (process.getuid?.() !== 0) command.error('error: loop devices, mounts and dropping caches need root');
  const wanted = options.contenders.split(',');
  const chosen = contenders.filter(({ name }) => wanted.includes(name));
  const rows = allRows.filter(({ name }) => name.includes(options.rows ?? ''));
  if (chosen.length !== wanted.length) command.error(`error: contenders are ${contenders.map(({ name }) => name).join(', ')}`);
  if (rows.length === 0) command.error(`error: no row has "${options.rows}" in its name`);

  const progress = (message: string): void => void process.stderr.write(`${message}\n`);
  const contents = options.quick ? quickContents : fullContents;
  const rounds = options.rounds ?? (options.quick ? 3 : 5);
  const versions = Object.fromEntries(await Promise.all(chosen.map(async (contender) => [contender.name, await contender.version()])));
  const started = new Date();
  const scratch = mkdtempSync(join(BACKINGS[options.backing], 'fuse4fs-bench-'));
  try {
    if (options.requests) return void process.stdout.write(`${await requestsTable(scratch)}\n`);
    const image = join(scratch, 'bench.img');
    progress('making the image');
    await makeImage(image, scratch, contents);
    const samples = await measure({ rows, contenders: chosen, rounds, image, contents, scratch, progress });
    const reports = report(samples);
    const about = { date: started.toISOString(), machine: machine(), versions, rounds, backing: options.backing, contents };
    process.stdout.write(`${describe(about)}\n\n${formatTable(reports, chosen)}`);
    if (options.svg !== undefined) writeFileSync(options.svg, chart(reports, fuse2fs.name, describe(about).split('\n')));
    if (options.against !== undefined) process.stdout.write(`${regressions(options.against, reports).map((line) => `\n${line}`).join('')  }\n`);
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ ...about, rows: reports }, null, 2)}\n`);
  } finally {
    await removeScratch(scratch);
  }
}

interface About {
  readonly machine: Record<string, string>;
  readonly versions: Record<string, string>;
  readonly rounds: number;
  readonly backing: string;
}

const describe = ({ machine: { processor, processors, memory }, versions, rounds, backing }: About): string =>
  [
    `${processors} × ${processor}, ${memory}; image on a loop device over a file${backing === 'tmpfs' ? ' in tmpfs' : ''}`,
    Object.values(versions).join('; '),
    `medians of ${rounds} rounds, ± half the distance between the best and the worst`,
  ].join('\n');

/** Whatever is still mounted below after a failure goes first. */
async function removeScratch(scratch: string): Promise<void> {
  for (const name of ['mnt', 'fill']) {
    const target = join(scratch, name);
    if (existsSync(target)) await run('umount', '--lazy', '--quiet', target).catch(() => undefined);
  }
  rmSync(scratch, { recursive: true, force: true });
}

await command.parseAsync();
