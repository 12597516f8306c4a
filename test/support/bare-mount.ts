/** A mount without the helper: mount(8) with a /dev/fuse descriptor, and the helper's end of the handshake. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { HelperEnd } from '../../protocol/service/helper-end.js';
import type { MountPlan, Ready } from '../../protocol/service/messages.js';

const compiled = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Why real mounts are impossible here, or false. */
export const mountsImpossible: string | false =
  process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'needs /dev/fuse';

export interface BareMountOptions {
  /** Compiled entry point of the server, from the root of the project. */
  readonly main: string;
  /** An image file, or a block device: that one is mounted as fuseblk. */
  readonly image: string;
  readonly options?: readonly string[];
  readonly writable?: boolean;
  readonly environment?: NodeJS.ProcessEnv;
  readonly nodeArguments?: readonly string[];
}

export class BareMount {
  readonly target: string;
  readonly statusPath: string;
  readonly server: ChildProcess;
  readonly plan: MountPlan;
  readonly ready: Ready;
  /** Resolves with the exit code, or the signal. */
  readonly exited: Promise<number | string>;
  errors = '';
  private readonly directory: string;

  static async make(options: BareMountOptions): Promise<BareMount> {
    const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-bare-'));
    const target = join(directory, 'mnt');
    spawnSync('mkdir', [target]);
    const [ours, theirs] = Channel.pair();
    const server = spawn(
      process.execPath,
      [...(options.nodeArguments ?? []), join(compiled, options.main), '--socket-fd=3'],
      { stdio: ['ignore', 'inherit', 'pipe', theirs.fd], env: { ...process.env, ...options.environment } },
    );
    theirs.close();
    const device = openSync(options.image, options.writable === true ? 'r+' : 'r');
    const isBlockDevice = fstatSync(device).isBlockDevice();
    const fuse = openSync('/dev/fuse', constants.O_RDWR);
    const status = await listener(join(directory, 'status'));
    try {
      const end = HelperEnd.start(ours);
      end.hello();
      const plan = end.source({
        descriptors: { device, fuse },
        name: options.image,
        kind: isBlockDevice ? 'BLOCK_DEVICE' : 'IMAGE_FILE',
        size: isBlockDevice ? Number(execFileSync('blockdev', ['--getsize64', options.image])) : fstatSync(device).size,
        offset: 0,
        sizeLimit: 0,
        writable: options.writable === true,
        options: options.options ?? [],
        target,
        maxPagesLimit: pagesLimit(),
        sectorSize: 512,
      });
      if (plan.type !== 'mountPlan') throw new Error('no external journal here');
      mount(fuse, target, plan, options.writable === true, isBlockDevice ? options.image : undefined);
      const ready = end.mounted({ descriptors: { fuseClones: [], statusListener: status.fd }, deviceNumber: '0:0' });
      end.close();
      return new BareMount(directory, target, status.path, server, plan, ready);
    } catch (error) {
      ours.close();
      server.kill('SIGKILL');
      spawnSync('umount', ['-l', target]);
      rmSync(directory, { recursive: true });
      throw error;
    } finally {
      closeSync(device);
      closeSync(fuse);
      status.close();
    }
  }

  private constructor(directory: string, target: string, statusPath: string, server: ChildProcess, plan: MountPlan, ready: Ready) {
    this.directory = directory;
    this.target = target;
    this.statusPath = statusPath;
    this.server = server;
    this.plan = plan;
    this.ready = ready;
    server.stderr?.setEncoding('utf8').on('data', (chunk: string) => (this.errors += chunk));
    this.exited = once(server, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  }

  /** Unmounts and waits for the server. May be called more than once. */
  async unmount(): Promise<number | string> {
    if (!existsSync(this.directory)) return this.exited;
    if (spawnSync('umount', [this.target]).status !== 0) spawnSync('umount', ['-l', this.target]);
    const exit = await this.exited;
    rmSync(this.directory, { recursive: true, force: true });
    return exit;
  }
}

function mount(fuse: number, target: string, plan: MountPlan, writable: boolean, blockDevice: string | undefined): void {
  const [type, source] = blockDevice === undefined ? ['fuse', 'bare'] : ['fuseblk', blockDevice];
  const options = [writable ? 'rw' : 'ro', 'fd=3', `rootmode=${plan.rootMode.toString(8)}`, 'user_id=0', 'group_id=0', 'allow_other', 'default_permissions', ...plan.kernelOptions];
  if (blockDevice !== undefined) options.push(`blksize=${Math.min(plan.blockSize, 4096)}`);
  const { status, stderr } = spawnSync('mount', ['-i', '-n', '-t', `${type}.fuse4fs`, '-o', options.join(','), source, target], {
    stdio: ['ignore', 'ignore', 'pipe', fuse],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`mount: ${stderr}`);
}

function pagesLimit(): number {
  const path = '/proc/sys/fs/fuse/max_pages_limit';
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
}

/** A listening stream socket whose descriptor can be given away. */
async function listener(path: string): Promise<{ readonly fd: number; readonly path: string; close(): void }> {
  const server = createServer().listen(`${path}.made`);
  await once(server, 'listening');
  // Node removes the path of a socket that it closes; under another name it stays.
  renameSync(`${path}.made`, path);
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  return { fd, path, close: () => server.close() };
}
