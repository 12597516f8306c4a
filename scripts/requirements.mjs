// Sees to it that what the build and the tests need is installed: Debian packages (as root), then the npm packages.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Each tool by a command it brings, the Debian package that has it, and what goes without it. */
const tools = [
  { command: 'cc', package: 'build-essential', purpose: 'compiling the syscall shims', for: 'build' },
  { command: 'make', package: 'build-essential', purpose: 'compiling the syscall shims', for: 'build' },
  { command: 'python3', package: 'python3', purpose: 'node-gyp', for: 'build' },
  { command: 'mke2fs', package: 'e2fsprogs', purpose: 'making and checking images', for: 'start' },
  { command: 'fusermount3', package: 'fuse3', purpose: 'mounting without root', for: 'start' },
  { command: 'setfattr', package: 'attr', purpose: 'extended attributes', for: 'test' },
  { command: 'setfacl', package: 'acl', purpose: 'access control lists', for: 'test' },
  { command: 'git', package: 'git', purpose: 'real programs on a mount', for: ['test', 'bench'] },
  { command: 'rsync', package: 'rsync', purpose: 'real programs on a mount', for: 'test' },
  { command: 'sqlite3', package: 'sqlite3', purpose: 'transactions on a mount', for: ['test', 'bench'] },
  { command: 'initdb', package: 'postgresql', purpose: 'a database on a mount', for: ['test', 'bench'] },
  { command: 'systemd-nspawn', package: 'systemd-container', purpose: 'a booted systemd', for: 'test' },
  { command: 'dbus-daemon', package: 'dbus', purpose: 'udisks in a booted systemd', for: 'test' },
  { command: 'podman', package: 'podman', purpose: 'containers', for: 'test' },
  { command: 'catatonit', package: 'catatonit', purpose: 'pods of podman', for: 'test' },
  { command: 'fio', package: 'fio', purpose: 'load and verification', for: ['test', 'bench'] },
  { command: 'flex', package: 'flex', purpose: 'building the test kernel', for: 'test' },
  { command: 'bison', package: 'bison', purpose: 'building the test kernel', for: 'test' },
  { command: 'bc', package: 'bc', purpose: 'building the test kernel', for: 'test' },
  { command: 'xz', package: 'xz-utils', purpose: 'building the test kernel', for: 'test' },
  { command: 'strace', package: 'strace', purpose: 'making a system call take its time', for: 'test' },
  { command: 'fuse2fs', package: 'fuse2fs', purpose: 'comparing with it', for: 'bench' },
];

/** The tools that `start` needs are also needed by `test` and `bench`; what only those need is not. */
const neededFor = { build: ['build'], start: ['build', 'start'], test: ['build', 'start', 'test'], bench: ['build', 'start', 'bench'] };

const searchPath = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

const isExecutable = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Debian keeps the programs of each version of PostgreSQL in a directory of their own, off the search path. */
const postgresqlDirectories = () => {
  const versions = '/usr/lib/postgresql';
  return existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin')) : [];
};

export const isInstalled = (command) => [...searchPath, ...postgresqlDirectories()].some((directory) => isExecutable(join(directory, command)));

const run = (command, args, environment = {}) =>
  spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...environment } }).status === 0;

const missingTools = (goal) =>
  tools.filter((tool) => [tool.for].flat().some((use) => neededFor[goal].includes(use)) && !isInstalled(tool.command));

const packagesOf = (missing) => [...new Set(missing.map((tool) => tool.package))];

const installPackages = (packages) => {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  console.log(`installing ${packages.join(' ')}`);
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  return run('apt-get', ['update', '-qq'], environment) && run('apt-get', install, environment);
};

/** Returns the commands that are still missing afterwards. */
export function requireTools(goal) {
  let missing = missingTools(goal);
  if (missing.length > 0 && process.getuid() === 0 && isInstalled('apt-get')) {
    installPackages(packagesOf(missing));
    missing = missingTools(goal);
  }
  if (missing.length === 0) return [];
  console.log('Missing on this machine:');
  for (const tool of missing) console.log(`  ${tool.command.padEnd(12)} ${tool.purpose}`);
  console.log(`Install with: sudo apt-get install ${packagesOf(missing).join(' ')}`);
  if (missing.some((tool) => tool.for === 'build')) {
    console.error('The build is impossible without them.');
    process.exit(1);
  }
  return missing.map((tool) => tool.command);
}

const lockedPackages = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;

/** npm writes what it installed beside the packages; packages for other platforms are not among them. */
const npmPackagesAreCurrent = () => {
  const installedList = 'node_modules/.package-lock.json';
  if (!existsSync(installedList)) return false;
  const installed = lockedPackages(installedList);
  return Object.entries(lockedPackages('package-lock.json')).every(
    ([path, locked]) => path === '' || locked.optional || locked.peer || installed[path]?.version === locked.version,
  );
};

export function requireNpmPackages() {
  if (npmPackagesAreCurrent()) return;
  console.log('installing npm packages');
  if (!run('npm', ['ci', '--no-audit', '--no-fund'])) process.exit(1);
}
