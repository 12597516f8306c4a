/** Debian packages unpacked into a directory, for a system of the tests' own: nothing is installed on the machine. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from './cache-directory.js';
import { attempt, run, type Output } from './command.js';

export const UDISKS: readonly string[] = ['udisks2', 'udev'];

/** In seconds: a mirror that does not answer is no failure of a test. */
const PATIENCE = { answer: 20, all: 240 };

/** They cannot be had here: what else the tests do need not fail for it. */
export class PackagesUnavailable extends Error {}

/** Downloads what the machine lacks of the packages and of all that they need, as apt would install it. */
async function download(names: readonly string[], archives: string): Promise<Output> {
  mkdirSync(join(archives, 'partial'), { recursive: true });
  const settings = {
    'Dir::Cache::archives': archives,
    'APT::Sandbox::User': 'root',
    'Debug::NoLocking': '1',
    'Acquire::http::Timeout': String(PATIENCE.answer),
    'Acquire::https::Timeout': String(PATIENCE.answer),
    'Acquire::Retries': '1',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const words = [...options, 'install', '-y', '-qq', '--no-install-recommends', '--download-only', ...names];
  return attempt('timeout', [String(PATIENCE.all), 'apt-get', ...words], { env: { DEBIAN_FRONTEND: 'noninteractive' } });
}

/** Directories that are links where /usr is merged must not be laid over these. */
function mergeUsr(root: string): void {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    if (!existsSync(join(root, name))) continue;
    cpSync(join(root, name), join(root, 'usr', name), { recursive: true, verbatimSymlinks: true });
    rmSync(join(root, name), { recursive: true });
  }
}

async function fetchInto(workshop: string, names: readonly string[]): Promise<string> {
  const archives = join(workshop, 'archives');
  let { status, stderr } = await download(names, archives);
  if (status !== 0) {
    // Lists that are missing, or name what the mirror has no longer.
    await attempt('timeout', [String(PATIENCE.all), 'apt-get', '-qq', '-o', `Acquire::http::Timeout=${PATIENCE.answer}`, 'update']);
    ({ status, stderr } = await download(names, archives));
  }
  if (status !== 0) throw new PackagesUnavailable(`${names.join(', ')} cannot be downloaded: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  const root = join(workshop, 'root');
  mkdirSync(root);
  for (const archive of readdirSync(archives).filter((name) => name.endsWith('.deb'))) await run('dpkg', ['-x', join(archives, archive), root]);
  mergeUsr(root);
  return root;
}

/**
 * A directory with what the machine lacks of the packages, from the cache where it is there for just what is installed.
 * @throws PackagesUnavailable
 */
async function unpackedPackages(names: readonly string[]): Promise<string> {
  const installed = await attempt('dpkg-query', ['-W']).catch(() => undefined);
  if (installed?.status !== 0) throw new PackagesUnavailable('no Debian packages are installed here');
  const cache = cacheDirectory('packages');
  const print = createHash('sha256').update(names.join(' ')).update(installed.stdout).digest('hex').slice(0, 12);
  const root = join(cache, print);
  if (existsSync(root)) return root;
  mkdirSync(cache, { recursive: true });
  const workshop = mkdtempSync(join(cache, 'fetch-'));
  try {
    // Another run may fetch the same: whoever is first puts it in place, whole.
    const fetched = await fetchInto(workshop, names);
    if (!existsSync(root)) renameSync(fetched, root);
    for (const name of readdirSync(cache).filter((name) => name !== print && !name.startsWith('fetch-'))) rmSync(join(cache, name), { recursive: true });
  } catch (error) {
    if (!existsSync(root)) throw error;
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
  return root;
}

/** The same for a test: their directory, or why it has to be skipped. */
export async function packagesOrReason(names: readonly string[]): Promise<{ readonly packages: string; readonly skip: string | false }> {
  try {
    return { packages: await unpackedPackages(names), skip: false };
  } catch (error) {
    if (!(error instanceof PackagesUnavailable)) throw error;
    return { packages: '', skip: error.message };
  }
}
