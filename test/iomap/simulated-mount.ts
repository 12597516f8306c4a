import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { IomapProfile } from '../../protocol/fuse/iomap.js';
import { PROFILE_A } from '../../protocol/fuse/iomap.js';
import { KernelData } from '../../server/operations/iomap/kernel-data.js';
import { parseServerOptions } from '../../server/operations/options.js';
import { MountedWritableExt4 } from '../../server/operations/writable.js';
import { run } from '../support/command.js';
import { readOnlyFacts } from '../support/fuse-caller.js';
import { PagedDisk } from './paged-disk.js';
import { DISK_DESCRIPTOR, SimulatedKernel, type SimulatedKernelOptions } from './simulated-kernel.js';

/** What free blocks hold: nobody may ever read it. */
export const OLD_DATA = 0xee;

export interface SimulatedRecipe {
  readonly blockSize: number;
  readonly type?: string;
  readonly features?: string;
  readonly arguments?: readonly string[];
  /** In MiB. */
  readonly size?: number;
}

/** An image whose free space is full of other people's data. */
export async function makeUsedImage(directory: string, name: string, { blockSize, type = 'ext4', features, arguments: more = [], size = 32 }: SimulatedRecipe): Promise<string> {
  const path = join(directory, `${name}.img`);
  const descriptor = openSync(path, 'wx');
  const old = new Uint8Array(1 << 20).fill(OLD_DATA);
  for (let done = 0; done < size; done++) writeSync(descriptor, old);
  closeSync(descriptor);
  const chosen = features === undefined ? [] : ['-O', features];
  await run('mke2fs', ['-q', '-F', '-t', type, '-b', String(blockSize), ...chosen, '-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0', ...more, path]);
  return path;
}

export interface SimulatedMount {
  readonly kernel: SimulatedKernel;
  readonly disk: PagedDisk;
  readonly data: KernelData;
  readonly filesystem: MountedWritableExt4;
}

/** Mounts an image, writable, with the simulated kernel; `words` are mount options. */
export function simulatedMount(bytes: Uint8Array, blockSize: number, { words = [], profile = PROFILE_A, ...options }: { readonly words?: readonly string[]; readonly profile?: IomapProfile } & SimulatedKernelOptions = {}): SimulatedMount {
  const disk = new PagedDisk(bytes);
  const kernel = new SimulatedKernel(disk, { ...options, profile });
  const data = new KernelData({ channel: kernel, profile, descriptor: DISK_DESCRIPTOR, offset: 0, blockSize, untorn: kernel.writesUntorn(DISK_DESCRIPTOR, blockSize), disk });
  const server = parseServerOptions(words);
  const problems: string[] = [];
  const filesystem = new MountedWritableExt4(
    disk,
    { ...readOnlyFacts, blockSize, readOnly: false },
    { barriers: true, mountPoint: '/simulated', discard: false, report: (problem) => void problems.push(problem.message) },
    server,
    data,
  );
  kernel.connect(filesystem);
  return { kernel, disk, data, filesystem };
}

export const imageBytes = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

export function writeImage(path: string, bytes: Uint8Array): string {
  writeFileSync(path, bytes);
  return path;
}
