import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { packageRoot } from '../../native/package-root.js';
import { MountError } from './errors.js';

/** A file or directory that the server may see, and where it sees it. */
export interface Shown {
  readonly outside: string;
  readonly inside: string;
}

/** A program for the server's side of things, and all that it may see. */
export interface ServerProgram {
  readonly shown: readonly Shown[];
  /** Program and arguments, by their names inside. */
  readonly command: readonly [string, ...string[]];
}

/** Packages that are not bundled with the server; theirs come along. */
const SERVER_PACKAGES = ['unix-dgram'];

/** What of the build the server needs: itself, bundled. Neither the helper nor the commands. */
const SERVER_PARTS = ['package.json', 'build/Release/seqpacket.node', 'build/Release/server.node'];
const EXT4_PARTS = ['dist/server/main.cjs', 'dist/server/ext4-thread.cjs'];
const TREE_PARTS = ['dist/server/passthrough-main.cjs', 'dist/server/passthrough-thread.cjs', 'build/Release/passthrough.node'];

const NODE = '/node';
const HOME = '/fuse4fs';
/** Descriptor on which the server finds the handshake. */
export const HANDSHAKE_DESCRIPTOR = 3;

/** The checkout or the installed package. */
export function installedFile(...path: string[]): string {
  const file = join(packageRoot, ...path);
  if (!existsSync(file)) throw new MountError('INTERNAL', `${file} is missing`, 'the installation is incomplete: npm run build');
  return realpathSync(file);
}

/** This project's server. V8 needs neither /proc, /dev nor /etc: nothing of them is shown. */
export const serverProgram = (): ServerProgram => programOf(EXT4_PARTS, `${HOME}/dist/server/main.cjs`);

/** The one that serves directory trees. */
export const treeServerProgram = (): ServerProgram => programOf(TREE_PARTS, `${HOME}/dist/server/passthrough-main.cjs`);

function programOf(parts: readonly string[], main: string): ServerProgram {
  return {
    shown: [
      ...nodeItself(),
      ...[...SERVER_PARTS, ...parts].map((part) => ({ outside: installedFile(part), inside: join(HOME, part) })),
      ...[...packagesWithDependencies(SERVER_PACKAGES)].map(([name, outside]) => ({ outside, inside: join(HOME, 'node_modules', name) })),
    ],
    // Nothing that is read from a device can become code.
    command: [NODE, '--disallow-code-generation-from-strings', '--always-sparkplug', '--v8-pool-size=1', main, `--socket-fd=${HANDSHAKE_DESCRIPTOR}`, titleRoom()],
  };
}

/** Two paths are shown in the server's process title, which can be as long as its arguments. */
const TITLE_LENGTH = 2048;
export const titleRoom = (): string => `--title-room=${'-'.repeat(TITLE_LENGTH)}`;

/** The running Node binary, the dynamic loader, and the libraries that this very process has loaded. */
export function nodeItself(): Shown[] {
  const libraries = sharedObjects().filter((path) => path.startsWith('/') && !path.endsWith('.node'));
  return [
    { outside: realpathSync(process.execPath), inside: NODE },
    ...libraries.map((path) => ({ outside: realpathSync(path), inside: path })),
  ];
}

function sharedObjects(): string[] {
  const { report } = process;
  // The report otherwise looks up the host names of every socket.
  if ('excludeNetwork' in report) report.excludeNetwork = true;
  return z.object({ sharedObjects: z.array(z.string()) }).parse(report.getReport()).sharedObjects;
}

const manifest = z.object({ dependencies: z.record(z.string(), z.string()).optional() });

/** Names and directories of the packages and of all that they depend on. */
export function packagesWithDependencies(names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const collect = (name: string, from: string): void => {
    const directory = findPackage(name, from);
    // A package within another's directory is shown with it.
    if (found.has(name) || [...found.values()].some((outer) => directory.startsWith(`${outer}/`))) return;
    found.set(name, directory);
    const { dependencies } = manifest.parse(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')));
    for (const dependency of Object.keys(dependencies ?? {})) collect(dependency, directory);
  };
  for (const name of names) collect(name, packageRoot);
  return found;
}

/** As Node resolves it: node_modules of this directory, or of one above. */
function findPackage(name: string, from: string): string {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (directory === dirname(directory)) throw new MountError('INTERNAL', `the package ${name} is missing`, 'npm ci');
  }
}
