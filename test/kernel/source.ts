import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from '../support/command.js';

/** The package that brings the kernel's source, and the suite beside the machine's own that has it. */
export const sourcePackage = 'linux-source-7.3';
const suite = 'trixie-backports';

/** A mirror that does not answer is out of reach. */
const PATIENCE_SECONDS = 20;

/** The source cannot be had here: what else the tests do need not fail for it. */
export class SourceUnavailable extends Error {}

interface Mirror {
  readonly address: string;
  readonly keyring: string | undefined;
}

const field = (stanza: string, name: string): string | undefined =>
  new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(stanza)?.[1]?.trim();

/** Stanzas of *.sources files, and the lines of the older format brought into their shape. */
function stanzas(): string[] {
  const directory = '/etc/apt/sources.list.d';
  const files = [...(existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : []), '/etc/apt/sources.list'];
  return files
    .filter((file) => existsSync(file))
    .flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      if (file.endsWith('.sources')) return text.split(/\n\s*\n/);
      return [...text.matchAll(/^deb\s+(?:\[.*?\]\s*)?(\S+)\s+(\S+)\s+(.*)$/gm)].map(
        ([, address, release, components]) => `URIs: ${address!}\nSuites: ${release!}\nComponents: ${components!}`,
      );
    });
}

/** Where this machine gets its own Debian packages from. */
function mirror(): Mirror {
  const release = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const own = stanzas().find((stanza) => release !== undefined && field(stanza, 'Suites')?.split(/\s+/).includes(release));
  const address = own === undefined ? undefined : field(own, 'URIs')?.split(/\s+/)[0];
  if (own === undefined || address === undefined) throw new SourceUnavailable('the apt sources of this machine name no Debian mirror');
  return { address, keyring: field(own, 'Signed-By') };
}

/** An apt of our own: the suite is known to it alone, and the machine's lists stay as they are. */
function privateApt(directory: string): string[] {
  const { address, keyring } = mirror();
  for (const name of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(directory, name), { recursive: true });
  const sources = join(directory, 'suite.sources');
  const signed = keyring === undefined ? '' : `Signed-By: ${keyring}\n`;
  writeFileSync(sources, `Types: deb\nURIs: ${address}\nSuites: ${suite}\nComponents: main\n${signed}`);
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::Cache': join(directory, 'cache'),
    'APT::Sandbox::User': 'root',
    'Acquire::http::Timeout': String(PATIENCE_SECONDS),
    'Acquire::https::Timeout': String(PATIENCE_SECONDS),
    'Acquire::Retries': '1',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** Downloads and unpacks the package; returns the path of the tar file with the sources, and their version. */
export async function fetchSource(directory: string): Promise<{ tarball: string; version: string }> {
  const apt = join(directory, 'apt');
  const settings = privateApt(apt);
  await attempt('apt-get', [...settings, '-qq', 'update']);
  const { stdout } = await attempt('apt-cache', [...settings, 'policy', sourcePackage]);
  const version = /Candidate: (\S+)/.exec(stdout.toString())?.[1];
  if (version === undefined || version === '(none)')
    throw new SourceUnavailable(`${sourcePackage} cannot be had: the mirror of this machine is out of reach, or has no suite ${suite}`);
  const { status, stderr } = await attempt('apt-get', [...settings, '-qq', 'download', sourcePackage], { cwd: directory });
  const archive = readdirSync(directory).find((name) => name.startsWith(`${sourcePackage}_`) && name.endsWith('.deb'));
  if (status !== 0 || archive === undefined) throw new SourceUnavailable(`${sourcePackage} cannot be downloaded:\n${stderr}`);
  await run('dpkg-deb', ['-x', join(directory, archive), directory]);
  rmSync(join(directory, archive));
  rmSync(apt, { recursive: true });
  return { tarball: join(directory, 'usr', 'src', `${sourcePackage}.tar.xz`), version };
}
