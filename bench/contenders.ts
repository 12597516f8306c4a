import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exit, run } from './command.js';
import { untilMounted } from './mountinfo.js';

/** A mounted filesystem under measurement. */
export interface Mounted {
  /** The process that serves it; none for a driver in the kernel. */
  readonly server?: number | undefined;
  /** Returns when the device is free again. */
  unmount(): Promise<void>;
}

/** One implementation of ext4 in the comparison. */
export interface Contender {
  readonly name: string;
  readonly canWrite: boolean;
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
    await run('mount', '-t', 'ext4', '-o', options.join(','), device, target);
    return {
      unmount: async () => {
        await run('umount', target);
      },
    };
  },
};

/**
 * Debian's fuse2fs; stays in the foreground, so that its process is known.
 * @param log what it says; a file, which does not hold it up while nobody reads
 */
async function startFuse2fs(device: string, target: string, options: readonly string[], log: string): Promise<Mounted> {
  const said = openSync(log, 'w');
  // In a session of its own, where a daemon would be: the scheduler shares out processors by session.
  const server = spawn('fuse2fs', ['-f', ...options, device, target], { stdio: ['ignore', 'ignore', said], detached: true });
  closeSync(said);
  const ended = (): string | undefined =>
    server.exitCode === null ? undefined : `fuse2fs ended with status ${server.exitCode}: ${readFileSync(log, 'utf8').slice(-1000)}`;
  await untilMounted(target, ended);
  return {
    server: server.pid,
    unmount: async () => {
      await run('umount', target);
      await exit(server);
      rmSync(log);
    },
  };
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

export const fuse2fs = fuse2fsWith('fuse2fs', []);

/** With the longest timeouts and the kernel's cache kept, which it can afford as the only writer. */
export const fuse2fsTuned = fuse2fsWith('fuse2fs-tuned', ['kernel_cache', 'entry_timeout=86400', 'attr_timeout=86400', 'negative_timeout=86400']);

const cli = fileURLToPath(new URL('../cli/fuse4fs.js', import.meta.url));

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

export const fuse4fs: Contender & CountingContender = {
  name: 'fuse4fs',
  canWrite: true,
  version: async () => `fuse4fs ${(await run(process.execPath, cli, '--version')).trim().replace(/^fuse4fs /, '')}, Node ${process.version}`,
  async mount(device, target, options) {
    await run(process.execPath, cli, 'mount', device, target, '-o', options.join(','));
    return {
      server: (await statusOf(target)).pid,
      unmount: async () => {
        await run(process.execPath, cli, 'umount', target);
      },
    };
  },
  async mountCounting(device, target) {
    const mounted = await this.mount(device, target, ['rw']);
    return { ...mounted, requests: async () => Object.values((await statusOf(target)).requests).reduce((sum, count) => sum + count, 0) };
  },
};

export const contenders: readonly Contender[] = [kernel, fuse2fs, fuse2fsTuned, fuse4fs];
export const usualContenders: readonly string[] = ['kernel', 'fuse2fs', 'fuse4fs'];
