import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Filesystem } from '../../server/ext4/filesystem.js';
import type { DataMode } from '../../server/ext4/journalled-data.js';
import { attempt } from '../support/command.js';
import { mebibyte, type ImageRecipe } from '../support/image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import type { UnflushedWrites } from '../support/recording-device.js';
import { imageBytes, openWritable } from './images.js';
import { RecordedWorkload } from './recorded-workload.js';
import { linesOfFilesystem } from './states.js';

export interface CrashKind {
  readonly name: string;
  readonly recipe: ImageRecipe;
  readonly data?: DataMode;
  /** Whether commits and checkpoints are written while operations go on, as by a mounted filesystem. */
  readonly inBackground?: boolean;
}

const journal = ['-J', 'size=1', '-N', '512'];

const kinds: readonly CrashKind[] = [
  { name: 'ext4, 1 KiB blocks', recipe: { blockSize: 1024, arguments: journal, size: 6 * mebibyte } },
  { name: 'ext3', recipe: { type: 'ext3', blockSize: 1024, arguments: journal, size: 6 * mebibyte } },
  { name: 'ext4, 4 KiB blocks', recipe: { arguments: ['-J', 'size=4', '-N', '512'], size: 12 * mebibyte } },
  { name: 'bigalloc', recipe: { blockSize: 1024, features: ['bigalloc'], arguments: ['-C', '4096', ...journal], size: 6 * mebibyte } },
  { name: 'no checksums', recipe: { blockSize: 1024, features: ['^metadata_csum', '^64bit'], arguments: journal, size: 6 * mebibyte } },
  { name: 'data=journal', recipe: { blockSize: 1024, arguments: journal, size: 6 * mebibyte }, data: 'journal' },
  { name: 'orphan_file', recipe: { blockSize: 1024, features: ['orphan_file'], arguments: journal, size: 6 * mebibyte } },
];

export const crashKinds: readonly CrashKind[] = [
  ...kinds.map((kind) => ({ ...kind, inBackground: true })),
  ...kinds.filter((_, index) => index % 4 === 0).map((kind) => ({ ...kind, name: `${kind.name}, by who commits` })),
];

export interface CrashSummary {
  points: number;
  /** Operations of the workload while something was under way. */
  duringJobs: number;
  /** Recovered by e2fsck as well. */
  repaired: number;
  readonly surprises: string[];
}

interface CrashPoint {
  readonly position: number;
  readonly unflushed: 'lost' | 'kept' | 'sampled';
  readonly seed: number;
}

/** So many are looked at together: e2fsck is another process. */
const AT_ONCE = 2;
const MOST_SURPRISES = 5;
const OPERATIONS = 250;
/** Every so-manieth crash is recovered by e2fsck, too; the others it only judges. */
const E2FSCK_SHARE = 3;
/** What e2fsck says when it puts right more than a crash may leave. */
const REPAIR = /\? yes|FIXED|INCONSISTENC|error/i;
/** What it improves, or finds after the kernel's crashes as well. */
const HARMLESS = /.*Optimize\? yes|Feature orphan_present is set but orphan file is clean\.\s*Clear\? yes/g;

/** Whether what e2fsck says goes beyond replaying the journal and finishing deletions. */
export const repairsTooMuch = (said: string): boolean => REPAIR.test(said.replaceAll(HARMLESS, ''));

/** Crashes a recorded workload at `points` moments, half of them at flushes, and recovers twice: by us and by e2fsck. */
export async function crash({ recipe, data = 'ordered', inBackground = false }: CrashKind, seed: number, points: number, progress: (points: number) => void = () => undefined): Promise<CrashSummary> {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'fuse4fs-crash-'));
  try {
    const random = new Random(seed);
    const workload = new RecordedWorkload(await imageBytes(directory, recipe), random, OPERATIONS, data, inBackground);
    const chosen = choosePoints(workload, random, points);
    const summary: CrashSummary = { points: 0, duringJobs: workload.duringJobs, repaired: 0, surprises: [] };
    const work = async (worker: number): Promise<void> => {
      for (let point = chosen.pop(); point !== undefined && summary.surprises.length < MOST_SURPRISES; point = chosen.pop()) {
        const { position, unflushed, seed: pointSeed } = point;
        const surprise = await examine(workload, point, join(directory, `worker-${worker}.img`), summary);
        if (surprise !== undefined) summary.surprises.push(`crash at event ${position} of ${workload.device.recording.length}, unflushed writes ${unflushed} (${pointSeed}): ${surprise}`);
        if (++summary.points % 200 === 0) progress(summary.points);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => work(worker)));
    return summary;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function choosePoints({ device: { recording }, start }: RecordedWorkload, random: Random, points: number): CrashPoint[] {
  const atFlushes = recording.flushes.filter((flush) => flush > start).flatMap((flush): CrashPoint[] => [
    { position: flush, unflushed: 'kept', seed: random.word() },
    { position: flush - 1, unflushed: 'lost', seed: random.word() },
    { position: flush - 1, unflushed: 'sampled', seed: random.word() },
  ]);
  const chosen: CrashPoint[] = [];
  // As many as asked for of the flushes, evenly; the rest anywhere.
  const most = Math.min(atFlushes.length, Math.ceil(points * 0.7));
  for (let index = 0; index < most; index++) chosen.push(atFlushes[Math.floor((index * atFlushes.length) / most)] as CrashPoint);
  while (chosen.length < points) chosen.push({ position: start + 1 + random.below(recording.length - start), unflushed: 'sampled', seed: random.word() });
  return chosen;
}

async function examine(workload: RecordedWorkload, { position, unflushed, seed }: CrashPoint, path: string, summary: CrashSummary): Promise<string | undefined> {
  const how: UnflushedWrites = unflushed === 'sampled' ? new Random(seed) : unflushed;
  const crashed = workload.device.after(position, how);
  const ours = crashed.slice();
  let lines: string;
  try {
    const writable = openWritable(new MemoryDevice(ours), 1 << 20);
    const surprise = workload.surprise(writable.filesystem, position);
    if (surprise !== undefined) return surprise;
    lines = linesOfFilesystem(writable.filesystem);
    writable.close();
  } catch (error) {
    return (error as Error).stack;
  }
  writeFileSync(path, ours);
  const checked = await attempt('e2fsck', ['-f', '-n', path]);
  if (checked.status !== 0) return `after our recovery: ${checked.stdout.toString()}`;

  if (seed % E2FSCK_SHARE !== 0) return undefined;
  writeFileSync(path, crashed);
  const repaired = await attempt('e2fsck', ['-f', '-y', path]);
  summary.repaired++;
  const said = repaired.stdout.toString();
  if ((repaired.status ?? 8) > 1 || repairsTooMuch(said)) return `e2fsck -fy, status ${String(repaired.status)}: ${said}`;
  const filesystem = Filesystem.open(new MemoryDevice(new Uint8Array(readFileSync(path))));
  if (linesOfFilesystem(filesystem) !== lines) return 'e2fsck comes to another tree';
  return workload.surprise(filesystem, position);
}
