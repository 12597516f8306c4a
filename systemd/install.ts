import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import * as z from 'zod';
import { MountError } from '../helper/mount/errors.js';
import { packageRoot } from '../native/package-root.js';
import { jitless, layout, PROGRAM, SYSUSERS, TMPFILES, type Piece } from './layout.js';
import { forgetUdisks, tellUdisks } from './udisks.js';

/** What was installed, for uninstall: paths beneath the root, in the order in which they came. */
const RECORD = join(PROGRAM, 'installed.json');
const record = z.object({ version: z.literal(1), paths: z.array(z.string().regex(/^\/(?!(.*\/)?\.\.(\/|$))/u)) });

export interface InstallRequest {
  /** Where the file system to install to begins: "/", or an image that is being built. */
  readonly root: string;
  /** Also the drop-in that does without just-in-time compilation. */
  readonly jitless: boolean;
  /** Also tells udisks to mount ext2, ext3 and ext4 by fuse4fs. */
  readonly udisks: boolean;
}

export interface Installed {
  readonly root: string;
  readonly paths: readonly string[];
  /** Files of the administrator's that have lines of ours now. */
  readonly changed: readonly string[];
  /** systemd runs here and listens for mounts now. */
  readonly listening: boolean;
}

/** Installs this very build. An earlier installation is replaced. */
export function install({ root, jitless: withJitless, udisks }: InstallRequest): Installed {
  const pieces = [...layout(), ...(withJitless ? [jitless()] : [])];
  const isUpgrade = existsSync(join(root, RECORD));
  // Onto itself: the files to be copied would be removed first.
  if (isUpgrade && realpathSync(join(root, PROGRAM)) === realpathSync(packageRoot)) {
    throw new MountError('USAGE', 'this is the installed program itself', 'install from the new version\'s directory');
  }
  if (isUpgrade) removeFiles(root);
  try {
    for (const piece of pieces) put(root, piece);
    const paths = pieces.map(({ path }) => path);
    writeFileSync(join(root, RECORD), `${JSON.stringify({ version: 1, paths }, undefined, 2)}\n`);
    const changed = udisks ? tellUdisks(root) : [];
    return { root, paths, changed, listening: isRunningSystem(root) && listen() };
  } catch (error) {
    throw asMountError(error, `cannot install to ${root}`);
  }
}

/** @returns what was removed */
export function uninstall(root: string): readonly string[] {
  if (!existsSync(join(root, RECORD))) {
    throw new MountError('USAGE', `fuse4fs is not installed in ${root}`, `there is no ${RECORD}`);
  }
  const isRunning = isRunningSystem(root);
  // As long as the program is there, which unmounts what was mounted as it appeared.
  if (isRunning) systemctl('stop', 'fuse4fs-automount@*.service');
  if (isRunning) systemctl('disable', '--now', 'fuse4fs-helper.socket', 'fuse4fs-helper.service', 'fuse4fs-server.socket');
  try {
    const removed = removeFiles(root);
    if (isRunning) systemctl('daemon-reload');
    if (isRunning) reloadRules();
    return removed;
  } catch (error) {
    throw asMountError(error, `cannot uninstall from ${root}`);
  }
}

function put(root: string, piece: Piece): void {
  const target = join(root, piece.path);
  mkdirSync(dirname(target), { recursive: true });
  if ('copyOf' in piece) cpSync(piece.copyOf, target, { recursive: true, dereference: true });
  else if ('linkTo' in piece) {
    rmSync(target, { force: true });
    symlinkSync(piece.linkTo, target);
  } else writeFileSync(target, piece.contents, { mode: piece.mode });
}

function removeFiles(root: string): readonly string[] {
  const { paths } = recordOf(root);
  for (const path of paths) rmSync(join(root, path), { recursive: true, force: true });
  rmSync(join(root, RECORD), { force: true });
  forgetUdisks(root);
  // Directories that are nobody else's; what still holds something is left.
  for (const path of paths) removeEmptyParents(root, path);
  return paths;
}

function recordOf(root: string): z.infer<typeof record> {
  const path = join(root, RECORD);
  try {
    return record.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new MountError('USAGE', `${path} does not say what was installed: ${(error as Error).message}`, 'remove the installation by hand');
  }
}

function removeEmptyParents(root: string, path: string): void {
  for (let directory = dirname(path); OURS.some((name) => directory.split(sep).includes(name)); directory = dirname(directory)) {
    try {
      rmdirSync(join(root, directory));
    } catch {
      return;
    }
  }
}

const OURS = ['fuse4fs', 'fuse4fs-server@.service.d'];

const isRunningSystem = (root: string): boolean => realpathSync(root) === '/' && existsSync('/run/systemd/system');

function listen(): boolean {
  // Listening has to do without, if need be.
  apply('systemd-sysusers', SYSUSERS);
  apply('systemd-tmpfiles', '--create', TMPFILES);
  systemctl('daemon-reload');
  reloadRules();
  return systemctl('enable', '--now', 'fuse4fs-server.socket', 'fuse4fs-helper.socket');
}

/** Where there is a udev at work, as in most containers there is none. */
function reloadRules(): void {
  if (existsSync('/run/udev/control')) apply('udevadm', 'control', '--reload');
}

const apply = (command: string, ...words: string[]): boolean => spawnSync(command, words, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
const systemctl = (...words: string[]): boolean => apply('systemctl', '--quiet', ...words);

function asMountError(error: unknown, what: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return new MountError('PERMISSION', `${what}: ${(error as Error).message}`, 'only root can, except with --root DIR');
  return error;
}
