/** Where each part of an installation goes: the hierarchy of file-hierarchy(7). */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { installedFile, packagesWithDependencies, titleRoom } from '../helper/mount/server-root.js';

/** The program, in one directory of its own. */
export const PROGRAM = '/usr/lib/fuse4fs';
const UNITS = '/usr/lib/systemd/system';
/** Directories and groups that systemd makes at boot, and install at once. */
export const TMPFILES = '/usr/lib/tmpfiles.d/fuse4fs.conf';
export const SYSUSERS = '/usr/lib/sysusers.d/fuse4fs.conf';

/** Starts the automount of a device that appears. */
const UDEV_RULE = '/usr/lib/udev/rules.d/90-fuse4fs-automount.rules';

/** Beneath the root of the installation; `mode` and contents of a file, or a whole tree to be copied. */
export type Piece =
  | { readonly path: string; readonly copyOf: string }
  | { readonly path: string; readonly linkTo: string }
  | { readonly path: string; readonly contents: string; readonly mode: number };

/** What of the build is needed at run time: no tests, no benchmark. */
const PARTS = ['package.json', 'LICENSE', 'dist/cli', 'dist/helper', 'dist/library', 'dist/native', 'dist/protocol', 'dist/server', 'dist/systemd', 'systemd', 'man'];
const SHIMS = ['helper.node', 'seqpacket.node', 'server.node', 'passthrough.node', 'contain', 'register-backing', 'watch-tree'];

const COMMANDS = [
  { path: '/usr/bin/fuse4fs', main: 'dist/cli/fuse4fs.cjs' },
  { path: '/usr/sbin/mount.fuse4fs', main: 'dist/cli/mount.fuse4fs.cjs' },
  { path: '/usr/sbin/umount.fuse4fs', main: 'dist/cli/umount.fuse4fs.cjs' },
];

export function layout(): Piece[] {
  return [...program(), ...commands(), ...manualPages(), ...units()];
}

function program(): Piece[] {
  const { dependencies } = z.object({ dependencies: z.record(z.string(), z.string()) }).parse(JSON.parse(readFileSync(installedFile('package.json'), 'utf8')));
  return [
    ...PARTS.map((part) => ({ path: join(PROGRAM, part), copyOf: installedFile(part) })),
    ...SHIMS.map((shim) => ({ path: join(PROGRAM, 'build/Release', shim), copyOf: installedFile('build/Release', shim) })),
    ...[...packagesWithDependencies(Object.keys(dependencies))].map(([name, directory]) => ({ path: join(PROGRAM, 'node_modules', name), copyOf: directory })),
  ];
}

/** Wrappers rather than links: the Node that installs is the one that runs, wherever PATH leads. */
function commands(): Piece[] {
  const wrapper = (main: string): string => `#!/bin/sh\nexec ${node()} ${join(PROGRAM, main)} "$@"\n`;
  return [
    ...COMMANDS.map(({ path, main }) => ({ path, contents: wrapper(main), mode: 0o755 })),
    // fsck(8) looks for this name; e2fsck keeps fsck's contract whatever it is called.
    { path: '/usr/sbin/fsck.fuse4fs', linkTo: 'e2fsck' },
  ];
}

function manualPages(): Piece[] {
  const pages = installedFile('man');
  return readdirSync(pages).map((page) => ({ path: `/usr/share/man/man${page.at(-1) ?? ''}/${page}`, copyOf: join(pages, page) }));
}

function units(): Piece[] {
  return [
    ...['fuse4fs-server.socket', 'fuse4fs-server@.service', 'fuse4fs-helper.socket', 'fuse4fs-helper.service', 'fuse4fs-automount@.service', 'fuse4fs.slice'].map((name) => ({ path: join(UNITS, name), contents: unit(name), mode: 0o644 })),
    { path: UDEV_RULE, contents: unit('90-fuse4fs-automount.rules'), mode: 0o644 },
    { path: TMPFILES, contents: unit('fuse4fs.tmpfiles.conf'), mode: 0o644 },
    { path: SYSUSERS, contents: unit('fuse4fs.sysusers.conf'), mode: 0o644 },
  ];
}

/** The drop-in that denies memory which is writable and executable, for who pays the price of it. */
export const jitless = (): Piece => ({
  path: '/etc/systemd/system/fuse4fs-server@.service.d/jitless.conf',
  contents: unit('jitless.conf'),
  mode: 0o644,
});

const unit = (name: string): string => readFileSync(installedFile('systemd', name), 'utf8').replaceAll('/usr/bin/node', node()).replaceAll('--title-room=', titleRoom());

const node = (): string => realpathSync(process.execPath);
