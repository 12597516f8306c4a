/** Podman with storage, mounts and runtime state of its own, all of which vanishes with the test. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';
import { nodeItself } from '../../helper/mount/server-root.js';
import { attempt, run, type Output } from './command.js';
import { inOwnMountNamespace } from './namespace.js';
import { projectRoot } from './native.js';

/**
 * What podman and its containers write is in memory and gone with the namespace. The directory `shared` is
 * what /var/lib/kubelet is on a node: what is mounted there on one side is seen on the other.
 * A mix of cgroup versions, as some machines have it, is more than podman understands.
 */
const ENTER = `
umount /sys/fs/cgroup/unified 2>/dev/null || true
mount -t tmpfs none /run
mount -t tmpfs none "$1"
mkdir "$1/storage" "$1/run" "$1/temporary" "$1/shared"
printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n' > "$1/containers.conf"
mount --bind "$1/shared" "$1/shared"
mount --make-shared "$1/shared"
echo ready
exec cat
`;

/** What a container is given that has to run wherever tests do; pods need cgroups. */
export const FRUGAL = ['--network=none', '--cgroups=disabled', '--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024'];

/** What a program says about a mount whose server is killed: also while its request waits for an answer. */
export const NO_SERVER = /not connected|Input\/output error|connection abort/u;

export class Podman {
  /** A mount of its own, whose mounts spread; seen only by commands that run `inside`. */
  readonly shared: string;
  readonly #directory: string;
  readonly #holder: ChildProcess;

  private constructor(directory: string, holder: ChildProcess) {
    this.#directory = directory;
    this.#holder = holder;
    this.shared = join(directory, 'shared');
  }

  static async start(t: Test, directory: string): Promise<Podman> {
    const own = join(directory, 'podman');
    mkdirSync(own);
    const [command, words] = inOwnMountNamespace('sh', '-euc', ENTER, 'enter', own);
    const holder = spawn(command, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    const podman = new Podman(own, holder);
    t.teardown(() => podman.#end());
    const [first] = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')])) as unknown[];
    if (String(first) !== 'ready\n') throw new Error('no namespace for podman');
    return podman;
  }

  /** Runs a command where podman's mounts are seen. */
  attempt(command: string, ...words: string[]): Promise<Output> {
    return attempt('nsenter', this.#entering(command, words));
  }

  async run(command: string, ...words: string[]): Promise<string> {
    return (await run('nsenter', this.#entering(command, words))).toString();
  }

  podman(...words: string[]): Promise<string> {
    return this.run(...this.#podman(words));
  }

  tryPodman(...words: string[]): Promise<Output> {
    return this.attempt(...this.#podman(words));
  }

  /** In the background; returns when the container has started. */
  async start(name: string, image: string, options: readonly string[], ...words: string[]): Promise<void> {
    await this.podman('run', '--detach', `--name=${name}`, ...FRUGAL, ...options, image, ...words);
  }

  /** Imports an image with Node, npm and a shell, from this machine's own files. */
  async importBase(tag: string): Promise<void> {
    const files = await baseFiles();
    const staging = join(this.#directory, 'temporary', 'base');
    const pack = 'mkdir -p "$0/bin" && printf %s "$1" > "$0/bin/npm" && chmod 755 "$0/bin/npm" && shift && tar --create --dereference -C "$0" ./bin -C / "$@" > "$0.tar"';
    await this.run('sh', '-euc', pack, staging, npmWrapper(), ...files.map((path) => `.${path}`));
    await this.podman('import', '--change=ENV PATH=/usr/local/bin:/usr/bin:/bin', `${staging}.tar`, tag);
    await this.run('rm', '-r', staging, `${staging}.tar`);
  }

  /** Builds a target of the Containerfile from the base image and a built tree. */
  async build(target: string, tag: string, base: string, context: string): Promise<void> {
    const words = [`--target=${target}`, `--tag=${tag}`, `--build-arg=BASE=${base}`, '--network=none', '--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024', `--file=${join(projectRoot, 'Containerfile')}`];
    await this.podman('build', '--quiet', '--pull=never', ...words, context);
  }

  #podman(words: readonly string[]): [string, ...string[]] {
    const own = ['storage', 'run', 'temporary'].map((name) => join(this.#directory, name));
    const [storage = '', runRoot = '', temporary = ''] = own;
    const global = [`--root=${storage}`, `--runroot=${runRoot}`, `--tmpdir=${temporary}`, '--storage-driver=overlay', '--cgroup-manager=cgroupfs', '--events-backend=none'];
    return ['env', `TMPDIR=${temporary}`, `CONTAINERS_CONF=${join(this.#directory, 'containers.conf')}`, 'podman', ...global, ...words];
  }

  #entering(command: string, words: readonly string[]): string[] {
    return ['--target', String(this.#holder.pid), '--mount', command, ...words];
  }

  /** The namespace, and with it all that was mounted in it, ends with its last process. */
  async #end(): Promise<void> {
    await this.tryPodman('pod', 'rm', '--all', '--force', '--time=0');
    await this.tryPodman('rm', '--all', '--force', '--time=0');
    const namespace = namespaceOf(String(this.#holder.pid));
    const gone = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await gone;
    const deadline = performance.now() + END_MILLISECONDS;
    while (isInUse(namespace) && performance.now() < deadline) await delay(LOOK_MILLISECONDS);
    // podman leaves the groups above those of its pods. Groups that have processes stay.
    await attempt('find', ['/sys/fs/cgroup', '-depth', '-path', '*/libpod_parent*', '-type', 'd', '-exec', 'rmdir', '{}', '+']);
    if (isInUse(namespace)) throw new Error('processes of podman are left');
  }
}

/** What watches over a container ends a moment after it. */
const END_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 20;

function namespaceOf(process: string): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/ns/mnt`);
  } catch {
    return undefined;
  }
}

const isInUse = (namespace: string | undefined): boolean =>
  namespace !== undefined && readdirSync('/proc').some((name) => /^\d+$/u.test(name) && namespaceOf(name) === namespace);

const TOOLS = ['sh', 'cat', 'cp', 'env', 'ls', 'rm', 'sleep', 'sync'];

/** Node at the place where a shell looks for it, npm, a few tools, and the libraries of all. */
async function baseFiles(): Promise<string[]> {
  const tools = TOOLS.map((name) => `/bin/${name}`);
  const libraries = (await run('ldd', tools)).toString().match(/\/\S+\.so\S*(?= \()/gu) ?? [];
  const ownOfNode = nodeItself().map(({ inside }) => inside).filter((path) => path.startsWith('/lib'));
  return [...new Set([...tools, ...libraries, ...ownOfNode, process.execPath, npmDirectory()])];
}

const npmDirectory = (): string => {
  for (let path = realpathSync('/usr/bin/npm'); path !== '/'; path = dirname(path)) if (basename(path) === 'npm') return path;
  throw new Error('npm is not where it is expected');
};

const npmWrapper = (): string => `#!/bin/sh\nexec node ${npmDirectory()}/bin/npm-cli.js "$@"\n`;
