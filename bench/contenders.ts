import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exit, run } from './command.js';
import { floorVersion, mountFloor } from './floor/mount.js';
import type { Mounted } from './mounted.js';
import { isMounted, untilMounted } from './mountinfo.js';

/** One implementation of ext4 in the comparison. */
export interface Contender {
  readonly name: string;
  readonly canWrite: boolean;
  /** Not ext4, but a server of constants. */
  readonly isConstant?: boolean;
  version(): Promise<string>;
  mount(device: string, target: string, options: readonly string[]): Promise<Mounted>;
}

/** A mount that tells how many requests have reached its server. */
export interface CountingMount extends Mounted {
  requests(): Promise<number>;
}

export interface CountingContender {
  readonly name: string;
  mountCounting(device: string, target: string): Promise<CountingMount>;
}

export const kernel: Contender = {
  name: 'kernel',
  canWrite: true,
  version: async () => `Linux ${(await run('uname', '-r')).trim()}`,
  async mount(device, target, options) {
    mkdirSync(target, { recursive: true });
    await run('mount', '-t', 'ext4', '-o', options.join(','), device, target);
    return { target, unmount: () => detachedOtherwise(target, () => run('umount', target)) };
  },
};

async function detachedOtherwise(target: string, unmount: () => Promise<unknown>): Promise<void> {
  try {
    await unmount();
  } catch (error) {
    if (isMounted(target)) await run('umount', '--lazy', target);
    throw error;
  }
}

/**
 * Debian's fuse2fs; stays in the foreground, so that its process is known.
 * @param log what it says; a file, which does not hold it up while nobody reads
 */
async function startFuse2fs(device: string, target: string, options: readonly string[], log: string): Promise<Mounted> {
  mkdirSync(target, { recursive: true });
  const said = openSync(log, 'w');
  // In a session of its own, where a daemon would be: the scheduler shares out processors by session.
  const server = spawn('fuse2fs', ['-f', ...options, device, target], { stdio: ['ignore', 'ignore', said], detached: true });
  closeSync(said);
  const ended = (): string | undefined =>
    server.exitCode === null && server.signalCode === null ? undefined : `fuse2fs ended with ${server.exitCode ?? server.signalCode}: ${readFileSync(log, 'utf8').slice(-1000)}`;
  await untilMounted(target, ended);
  return { server: server.pid, target, unmount: () => endFuse2fs(server, target, log, ended) };
}

async function endFuse2fs(server: ChildProcess, target: string, log: string, ended: () => string | undefined): Promise<void> {
  const early = ended();
  try {
    await detachedOtherwise(target, () => run('umount', target));
  } catch (error) {
    server.kill('SIGKILL');
    throw error;
  } finally {
    await exit(server);
    rmSync(log);
  }
  if (early !== undefined) throw new Error(early);
}

const fuse2fsWith = (name: string, extraOptions: readonly string[]): Contender => ({
  name,
  canWrite: true,
  version: async () => `fuse2fs ${(await run('dpkg-query', '-W', '-f=${Version}', 'fuse2fs')).trim()}`,
  mount: (device, target, options) => startFuse2fs(device, target, ['-o', [...options, ...extraOptions].join(',')], `${target}.log`),
});

/** In its debugging mode libfuse says a line for each request. */
export const fuse2fsCounting: CountingContender = {
  name: 'fuse2fs',
  async mountCounting(device, target) {
    const log = `${target}.log`;
    const mounted = await startFuse2fs(device, target, ['-d'], log);
    return { ...mounted, requests: () => Promise.resolve(readFileSync(log, 'utf8').match(/^unique: \d+, opcode: /gm)?.length ?? 0) };
  },
};

/** As everyone may use the other mounts. */
export const fuse2fs = fuse2fsWith('fuse2fs', ['allow_other']);

const tuned = ['allow_other', 'kernel_cache', 'entry_timeout=86400', 'attr_timeout=86400', 'negative_timeout=86400'];

/** With the longest timeouts and the kernel's cache kept, which it can afford as the only writer. */
export const fuse2fsTuned = fuse2fsWith('fuse2fs-tuned', tuned);

/**
 * The same, and whoever may not search a directory does not get at what others have looked up in it: fuse2fs checks
 * permissions where it is asked, and with the timeouts alone it is not asked.
 */
const fuse2fsChecked = fuse2fsWith('fuse2fs-checked', [...tuned, 'default_permissions']);

const cli = fileURLToPath(new URL('../cli/fuse4fs.cjs', import.meta.url));

interface MountStatus {
  readonly target: string;
  readonly pid: number;
  readonly requests: Readonly<Record<string, number>>;
}

async function statusOf(target: string): Promise<MountStatus> {
  const { mounts } = JSON.parse(await run(process.execPath, cli, 'status', '--json')) as { mounts: MountStatus[] };
  const found = mounts.find((mount) => mount.target === target);
  if (found === undefined) throw new Error(`fuse4fs status does not know ${target}`);
  return found;
}

const fuse4fsWith = (name: string, extraOptions: readonly string[]): Contender & CountingContender => ({
  name,
  canWrite: true,
  version: async () => `fuse4fs ${(await run(process.execPath, cli, '--version')).trim().replace(/^fuse4fs /, '')}, Node ${process.version}`,
  async mount(device, target, options) {
    mkdirSync(target, { recursive: true });
    await run(process.execPath, cli, 'mount', device, target, '-o', [...options, ...extraOptions].join(','));
    return { server: (await statusOf(target)).pid, target, unmount: () => detachedOtherwise(target, () => run(process.execPath, cli, 'umount', target)) };
  },
  async mountCounting(device, target) {
    const mounted = await this.mount(device, target, ['rw']);
    return { ...mounted, requests: async () => Object.values((await statusOf(target)).requests).reduce((sum, count) => sum + count, 0) };
  },
});

export const fuse4fs = fuse4fsWith('fuse4fs', []);

/** All data by way of the server, also where the kernel has iomap: elsewhere it is the same as fuse4fs. */
const fuse4fsWithoutIomap = fuse4fsWith('fuse4fs-without-iomap', ['iomap=off']);

/** What the session and the kernel cost, however quick the filesystem is. */
export const floor: Contender = {
  name: 'floor',
  canWrite: false,
  isConstant: true,
  version: () => Promise.resolve(floorVersion),
  mount: mountFloor,
};

export const contenders: readonly Contender[] = [kernel, fuse2fs, fuse2fsTuned, fuse2fsChecked, fuse4fs, fuse4fsWithoutIomap, floor];
