import { spawn } from 'node:child_process';
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

/** Debian's fuse2fs; stays in the foreground, so that its process is known. */
const fuse2fsWith = (name: string, extraOptions: readonly string[]): Contender => ({
  name,
  canWrite: true,
  version: async () => `fuse2fs ${(await run('dpkg-query', '-W', '-f=${Version}', 'fuse2fs')).trim()}`,
  async mount(device, target, options) {
    const all = [...options, ...extraOptions].join(',');
    // In a session of its own, where a daemon would be: the scheduler shares out processors by session.
    const server = spawn('fuse2fs', ['-f', '-o', all, device, target], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let complaints = '';
    server.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    await untilMounted(target, () => (server.exitCode === null ? undefined : `fuse2fs ended with status ${server.exitCode}: ${complaints}`));
    return {
      server: server.pid,
      unmount: async () => {
        await run('umount', target);
        await exit(server);
      },
    };
  },
});

export const fuse2fs = fuse2fsWith('fuse2fs', []);

/** With the longest timeouts and the kernel's cache kept, which it can afford as the only writer. */
export const fuse2fsTuned = fuse2fsWith('fuse2fs-tuned', ['kernel_cache', 'entry_timeout=86400', 'attr_timeout=86400', 'negative_timeout=86400']);

const cli = fileURLToPath(new URL('../cli/fuse4fs.js', import.meta.url));

interface Status {
  readonly mounts: readonly { readonly target: string; readonly pid: number }[];
}

export const fuse4fs: Contender = {
  name: 'fuse4fs',
  canWrite: true,
  version: async () => `fuse4fs ${(await run(process.execPath, cli, '--version')).trim().replace(/^fuse4fs /, '')}, Node ${process.version}`,
  async mount(device, target, options) {
    await run(process.execPath, cli, 'mount', device, target, '-o', options.join(','));
    const status = JSON.parse(await run(process.execPath, cli, 'status', '--json')) as Status;
    return {
      server: status.mounts.find((mount) => mount.target === target)?.pid,
      unmount: async () => {
        await run(process.execPath, cli, 'umount', target);
      },
    };
  },
};

export const contenders: readonly Contender[] = [kernel, fuse2fs, fuse2fsTuned, fuse4fs];
export const usualContenders: readonly string[] = ['kernel', 'fuse2fs', 'fuse4fs'];
