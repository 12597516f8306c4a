import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../support/cache-directory.js';
import { run } from '../support/command.js';
import { projectRoot } from '../support/native.js';
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

async function requireBuildTools(): Promise<void> {
  try {
    await run('which', ['flex', 'bison', 'bc', 'gcc', 'make', 'xz']);
  } catch {
    if (process.getuid?.() !== 0) throw new SourceUnavailable('missing: flex, bison, bc, build-essential or xz-utils; as root they are installed');
    const install = ['install', '-y', '-qq', '--no-install-recommends', 'flex', 'bison', 'bc', 'build-essential', 'xz-utils'];
    await run('apt-get', install, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
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

async function buildIn(workshop: string, tell: (progress: string) => void): Promise<string> {
  const print = fingerprint();
  tell('fetching the source of the test kernel');
  const { tarball, version } = await fetchSource(workshop);
  const tree = join(workshop, 'linux');
  mkdirSync(tree);
  tell(`unpacking ${version}`);
  await run('tar', ['-C', tree, '--strip-components=1', '-xf', tarball]);
  rmSync(tarball);
  for (const patch of patches()) await run('patch', ['-p1', '-s', '-d', tree, '-i', patch]);
  await make(tree, ['x86_64_defconfig'], tell);
  await run(join(tree, 'scripts', 'kconfig', 'merge_config.sh'), ['-m', '.config', configuration], { cwd: tree });
  await make(tree, ['olddefconfig'], tell);
  await make(tree, ['linux'], tell);
  mkdirSync(cache(), { recursive: true });
  const kernel = join(cache(), `linux-${version.replaceAll(/[^\w.+-]/g, '_')}-${print}`);
  // Another run may build the same: each puts its own in place, whole.
  const unfinished = `${kernel}.${process.pid}`;
  copyFileSync(join(tree, 'linux'), unfinished);
  renameSync(unfinished, kernel);
  return kernel;
}

/** Path of the kernel, built where it has not been; the build takes minutes, and 3 GiB meanwhile. */
export async function testKernel(tell: (progress: string) => void): Promise<string> {
  const cached = cachedKernel();
  if (cached !== undefined) return cached;
  await requireBuildTools();
  mkdirSync(cache(), { recursive: true });
  const workshop = mkdtempSync(join(cache(), 'build-'));
  try {
    return await buildIn(workshop, tell);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}
