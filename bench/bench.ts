import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.js';
import type { Contender, Mounted } from './contenders.js';
import { attachLoop, detachLoop, dropCaches, warmFile, type Contents } from './image.js';
import { isMounted } from './mountinfo.js';
import type { Row } from './rows/row.js';
import { serverUsage } from './server-usage.js';

/** One measurement of one row on one contender. */
export interface Sample {
  readonly value: number;
  /** Of the serving process during the measurement; absent for the kernel's driver. */
  readonly serverCpuSeconds?: number;
  readonly serverPeakRssMiB?: number;
}

/** Samples by row, then by contender. */
export type Samples = Map<Row, Map<Contender, Sample[]>>;

export interface Plan {
  readonly rows: readonly Row[];
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly image: string;
  readonly contents: Contents;
  /** For mount points and copies of the image. */
  readonly scratch: string;
  readonly progress: (message: string) => void;
}

/**
 * Measures every row on every contender, once a round. Contenders take turns within a row, in an
 * order that moves by one each round, so that what the machine does meanwhile hits all of them alike.
 */
export async function measure(plan: Plan): Promise<Samples> {
  const { rows, contenders, rounds, progress } = plan;
  const samples: Samples = new Map(rows.map((row) => [row, new Map(contenders.map((contender) => [contender, []]))]));
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      for (let turn = 0; turn < contenders.length; turn++) {
        const contender = contenders[(turn + round) % contenders.length] as Contender;
        if (row.writes && !contender.canWrite) continue;
        const sample = await measureOnce(plan, row, contender);
        samples.get(row)?.get(contender)?.push(sample);
        progress(`round ${round + 1}/${rounds}  ${row.name}  ${contender.name}: ${sample.value.toPrecision(4)} ${row.unit}`);
      }
    }
  }
  return samples;
}

async function measureOnce(plan: Plan, row: Row, contender: Contender): Promise<Sample> {
  const image = row.writes ? join(plan.scratch, 'copy.img') : plan.image;
  if (row.writes) await run('cp', '--sparse=always', plan.image, image);
  const device = await attachLoop(image, !row.writes);
  try {
    const target = join(plan.scratch, 'mnt');
    mkdirSync(target, { recursive: true });
    const mounted = await contender.mount(device, target, row.writes ? ['rw'] : ['ro']);
    try {
      return await measureMounted(row, target, mounted, image, plan.contents);
    } finally {
      await unmount(mounted, target);
    }
  } finally {
    await detachLoop(device);
    if (row.writes) rmSync(image);
  }
}

/**
 * Where a row asks for it, the best of several tries. Some virtual machines get fresh memory from
 * their host at a tenth of its speed; which try that hits is chance, and a median of few tries would be too.
 */
async function measureMounted(row: Row, target: string, { server }: Mounted, image: string, contents: Contents): Promise<Sample> {
  await row.prepare?.(target, contents);
  const tries: Sample[] = [];
  for (let count = 0; count < (row.tries ?? 1); count++) {
    if (row.caches !== 'warm') await dropCaches();
    if (row.caches === 'backing') await warmFile(image);
    tries.push(await measureOneTry(row, target, server, contents));
  }
  return tries.reduce((best, sample) => (row.better === 'higher' === sample.value > best.value ? sample : best));
}

async function measureOneTry(row: Row, target: string, server: number | undefined, contents: Contents): Promise<Sample> {
  const before = server === undefined ? undefined : serverUsage(server);
  const value = await row.measure(target, contents);
  if (server === undefined || before === undefined) return { value };
  const after = serverUsage(server);
  return { value, serverCpuSeconds: after.cpuSeconds - before.cpuSeconds, serverPeakRssMiB: after.peakRssMiB };
}

/** A mount that does not go is detached, so that the next one finds its place free. */
async function unmount(mounted: Mounted, target: string): Promise<void> {
  try {
    await mounted.unmount();
  } catch (error) {
    if (isMounted(target)) await run('umount', '--lazy', target);
    throw error;
  }
}
