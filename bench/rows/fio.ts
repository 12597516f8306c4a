import { join } from 'node:path';
import { run } from '../command.js';
import { BIG_FILE } from '../image.js';

interface FioJob {
  readonly read: { readonly bw_bytes: number; readonly iops: number };
  readonly write: { readonly bw_bytes: number; readonly iops: number };
}

export interface FioResult {
  readonly mibPerSecond: number;
  readonly iops: number;
}

/** Reads the big file, the same places every time. */
export const fioRead = (mount: string, ...options: string[]): Promise<FioResult> => fio('read', join(mount, BIG_FILE), '--readonly', ...options);

/** Writes a new file. The time includes the fsync where the options ask for one. */
export const fioWrite = (mount: string, ...options: string[]): Promise<FioResult> => fio('write', join(mount, 'written'), ...options);

async function fio(direction: 'read' | 'write', file: string, ...options: string[]): Promise<FioResult> {
  const output = await run('fio', '--name=bench', `--filename=${file}`, '--randseed=1', '--output-format=json', ...options);
  const { jobs } = JSON.parse(output.slice(output.indexOf('{'))) as { jobs: FioJob[] };
  const job = jobs[0];
  if (job === undefined) throw new Error('fio reports no job');
  const { bw_bytes: bytesPerSecond, iops } = job[direction];
  return { mibPerSecond: bytesPerSecond / (1 << 20), iops };
}
