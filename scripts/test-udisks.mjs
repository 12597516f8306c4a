// npm run test:udisks: the real udisksd mounts by fuse4fs, in a booted system into which its packages are unpacked.
// They are not installed on the machine: with them would come a udev that looks at every device.
import { spawnSync } from 'node:child_process';
import { existsSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGES = ['udisks2', 'udev', 'libudisks2-0', 'libgudev-1.0-0', 'libatasmart4', 'libparted2', 'libparted-fs-resize0', 'parted'];
const LIBBLOCKDEV = ['', '-utils', '-part', '-part-err', '-fs', '-loop', '-swap', '-crypto', '-mdraid', '-nvme', '-smart'];

const run = (command, words, options = {}) => spawnSync(command, words, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', ...options });
const isAvailable = (name) => / Candidate: \d/u.test(run('apt-cache', ['policy', name]).stdout);

/** Directories that are links where /usr is merged must not be laid over these. */
const merge = (root) => {
  for (const name of ['bin', 'sbin', 'lib']) {
    if (!existsSync(join(root, name))) continue;
    cpSync(join(root, name), join(root, 'usr', name), { recursive: true, verbatimSymlinks: true });
    rmSync(join(root, name), { recursive: true });
  }
};

const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-udisks-'));
try {
  const [archives, root] = [join(directory, 'archives'), join(directory, 'root')];
  for (const path of [archives, root]) mkdirSync(path);
  const blockdev = [2, 3].flatMap((version) => LIBBLOCKDEV.map((part) => `libblockdev${part}${version}`));
  const wanted = [...PACKAGES, ...blockdev].filter(isAvailable);
  if (run('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', ...wanted], { cwd: archives }).status !== 0) throw new Error('apt-get download failed: apt-get update may help');
  for (const archive of readdirSync(archives)) run('dpkg', ['-x', join(archives, archive), root]);
  merge(root);
  const environment = { ...process.env, FUSE4FS_UDISKS_PACKAGES: root, TAP_TIMEOUT: '300' };
  process.exitCode = run(process.execPath, ['dist/test/service/udisks-run.js'], { stdio: 'inherit', env: environment }).status ?? 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
