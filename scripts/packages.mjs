// Debian packages unpacked into a directory, for a system of the tests' own: nothing is installed on the machine.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const run = (command, words, options = {}) => spawnSync(command, words, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', ...options });

const isAvailable = (name) => / Candidate: \d/u.test(run('apt-cache', ['policy', name]).stdout);

const LIBBLOCKDEV = ['', '-utils', '-part', '-part-err', '-fs', '-loop', '-swap', '-crypto', '-mdraid', '-nvme', '-smart'];

/** udev, and udisks with what it links to in one release or another. */
export const UDISKS = [
  'udisks2', 'udev', 'libudisks2-0', 'libgudev-1.0-0', 'libatasmart4', 'libparted2', 'libparted-fs-resize0', 'parted',
  ...[2, 3].flatMap((version) => LIBBLOCKDEV.map((part) => `libblockdev${part}${version}`)),
];

/** Those of the names that this release of Debian has. */
export function unpack(names, root) {
  const archives = mkdtempSync(join(tmpdir(), 'fuse4fs-packages-'));
  try {
    const { status } = run('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', ...names.filter(isAvailable)], { cwd: archives });
    if (status !== 0) throw new Error('apt-get download failed: apt-get update may help');
    for (const archive of readdirSync(archives)) run('dpkg', ['-x', join(archives, archive), root]);
    mergeUsr(root);
  } finally {
    rmSync(archives, { recursive: true, force: true });
  }
}

/** Directories that are links where /usr is merged must not be laid over these. */
function mergeUsr(root) {
  for (const name of ['bin', 'sbin', 'lib']) {
    if (!existsSync(join(root, name))) continue;
    cpSync(join(root, name), join(root, 'usr', name), { recursive: true, verbatimSymlinks: true });
    rmSync(join(root, name), { recursive: true });
  }
}
