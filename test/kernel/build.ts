import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../support/cache-directory.js';
import { run } from '../support/command.js';
import { projectRoot } from '../support/native.js';
import { buildLock } from './build-lock.js';
import { SourceUnavailable, fetchSource } from './source.js';

const sources = join(projectRoot, 'test', 'kernel');
const patchDirectory = join(sources, 'patches');
const configuration = join(sources, 'config');

const patches = (): string[] =>
  existsSync(patchDirectory) ? readdirSync(patchDirectory).filter((name) => name.endsWith('.patch')).sort().map((name) => join(patchDirectory, name)) : [];

const cache = (): string => cacheDirectory('kernel');

/** Stands for everything of ours that makes one kernel differ from another. */
function fingerprint(): string {
  const hash = createHash('sha256');
  for (const file of [configuration, ...patches()]) hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 12);
}

/** The kernel that was built from today's configuration and patches, whichever version of the source it was. */
export function cachedKernel(): string | undefined {
  const directory = cache();
  const name = existsSync(directory) ? readdirSync(directory).sort().reverse().find((entry) => entry.endsWith(`-${fingerprint()}`)) : undefined;
  return name === undefined ? undefined : join(directory, name);
}

const tools = ['flex', 'bison', 'bc', 'build-essential', 'xz-utils'];

async function requireBuildTools(): Promise<void> {
  try {
    await run('which', ['flex', 'bison', 'bc', 'gcc', 'make', 'xz']);
  } catch {
    if (process.getuid?.() !== 0) throw new SourceUnavailable(`missing, one of ${tools.join(', ')}; as root they are installed`);
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...tools];
    await run('apt-get', install, { env: { DEBIAN_FRONTEND: 'noninteractive' } }).catch(() => {
      throw new SourceUnavailable(`missing, and cannot be installed: one of ${tools.join(', ')}`);
    });
  }
}

/** Long and talkative: what it says goes to a file, and how far it is to `tell`, now and then. */
async function make(tree: string, targets: readonly string[], tell: (progress: string) => void): Promise<void> {
  const child = spawn('nice', ['-n', '15', 'make', '-C', tree, 'ARCH=um', '-j2', ...targets], { stdio: ['ignore', 'pipe', 'pipe'] });
  const tail: string[] = [];
  let compiled = 0;
  const listen = (chunk: Buffer): void => {
    const lines = chunk.toString().split('\n').filter((line) => line !== '');
    compiled += lines.filter((line) => /^ {2}(CC|AR|LD) /.test(line)).length;
    tail.push(...lines);
    tail.splice(0, tail.length - 40);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const progress = setInterval(() => tell(`compiling the test kernel: ${compiled} files`), 20_000);
  const status = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject));
  clearInterval(progress);
  if (status !== 0) throw new Error(`make ${targets.join(' ')} failed:\n${tail.join('\n')}`);
}

/** Two thirds of the source, by its size: what no kernel is made of that runs as a program. */
const notUnpacked = ['*/drivers/gpu/*.[ch]', '*/drivers/media/*.[ch]', '*/drivers/infiniband/*.[ch]', '*/drivers/net/ethernet/*.[ch]', '*/drivers/net/wireless/*.[ch]', '*/sound/*/*.[ch]', '*/Documentation/*.rst'];

async function buildIn(workshop: string, tell: (progress: string) => void): Promise<string> {
  const print = fingerprint();
  tell('fetching the source of the test kernel');
  const { tarball, version } = await fetchSource(workshop);
  const tree = join(workshop, 'linux');
  mkdirSync(tree);
  tell(`unpacking ${version}`);
  await run('tar', ['-C', tree, '--strip-components=1', ...notUnpacked.map((pattern) => `--exclude=${pattern}`), '-xf', tarball]);
  rmSync(tarball);
  for (const patch of patches()) await run('patch', ['-p1', '-s', '-d', tree, '-i', patch]);
  await make(tree, ['x86_64_defconfig'], tell);
  await run(join(tree, 'scripts', 'kconfig', 'merge_config.sh'), ['-m', '.config', configuration], { cwd: tree });
  await make(tree, ['olddefconfig'], tell);
  await make(tree, ['linux'], tell);
  mkdirSync(cache(), { recursive: true });
  const kernel = join(cache(), `linux-${version.replaceAll(/[^\w.+-]/g, '_')}-${print}`);
  renameSync(join(tree, 'linux'), kernel);
  return kernel;
}

/** The one place where anything is built, so that whatever a build that was ended has left there goes with the next. */
const workshop = (): string => join(cache(), 'unfinished');

const removeWorkshop = (): void => rmSync(workshop(), { recursive: true, force: true });

/** In bytes. */
const ROOM = 3 * 2 ** 30;

function requireRoom(): void {
  const { bavail, bsize } = statfsSync(cache());
  if (bavail * bsize < ROOM) throw new SourceUnavailable(`building it takes ${ROOM / 2 ** 30} GiB in ${cache()}`);
}

/** Path of the kernel, built where it has not been; the build takes minutes, and 3 GiB meanwhile. */
export async function testKernel(tell: (progress: string) => void): Promise<string> {
  const cached = cachedKernel();
  if (cached !== undefined) return cached;
  mkdirSync(cache(), { recursive: true });
  const release = await buildLock(cache(), { waits: true });
  try {
    // By whoever had the lock until now.
    const built = cachedKernel();
    if (built !== undefined) return built;
    removeWorkshop();
    requireRoom();
    await requireBuildTools();
    mkdirSync(workshop());
    return await buildIn(workshop(), tell);
  } finally {
    removeWorkshop();
    await release?.();
  }
}

/** What a build that was ended has left, unless another one is at work there. */
export async function removeUnfinishedBuild(): Promise<void> {
  if (!existsSync(workshop())) return;
  const release = await buildLock(cache(), { waits: false });
  if (release === undefined) return;
  removeWorkshop();
  await release();
}
