import { run } from '../command.js';
import type { Work } from './row.js';

interface Direction {
  readonly io_bytes: number;
  readonly total_ios: number;
  /** In milliseconds; of the job that took longest. */
  readonly runtime: number;
}

interface FioJob {
  readonly read: Direction;
  readonly write: Direction;
}

/** All jobs together. The time includes the fsync at the end where the options ask for one. */
async function fio(options: readonly string[]): Promise<readonly Direction[]> {
  const output = await run('fio', '--name=bench', '--randseed=1', '--group_reporting', '--thread', '--output-format=json', ...options);
  const { jobs } = JSON.parse(output.slice(output.indexOf('{'))) as { jobs: FioJob[] };
  const job = jobs[0];
  if (job === undefined) throw new Error('fio reports no job');
  return [job.read, job.write];
}

const longest = (directions: readonly Direction[]): number => Math.max(...directions.map(({ runtime }) => runtime)) / 1000;

/** For rows in MiB/s. */
export async function fioMiB(...options: readonly string[]): Promise<Work> {
  const directions = await fio(options);
  return { amount: directions.reduce((sum, { io_bytes: bytes }) => sum + bytes, 0) / (1 << 20), seconds: longest(directions) };
}

/** For rows in IOPS. */
export async function fioOperations(...options: readonly string[]): Promise<Work> {
  const directions = await fio(options);
  return { amount: directions.reduce((sum, { total_ios: operations }) => sum + operations, 0), seconds: longest(directions) };
}

/** Options for jobs that divide a file among them. */
export const divided = (jobs: number, sizeMiB: number): readonly string[] =>
  jobs === 1 ? [] : [`--numjobs=${jobs}`, `--size=${Math.floor(sizeMiB / jobs)}m`, `--offset_increment=${Math.floor(sizeMiB / jobs)}m`];
