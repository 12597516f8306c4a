// npm run test:udisks: the real udisksd mounts by fuse4fs, in a booted system into which its packages are unpacked.
// They are not installed on the machine: with them would come a udev that looks at every device.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UDISKS, unpack } from './packages.mjs';

const root = mkdtempSync(join(tmpdir(), 'fuse4fs-udisks-'));
try {
  unpack(UDISKS, root);
  const environment = { ...process.env, FUSE4FS_UDISKS_PACKAGES: root, TAP_TIMEOUT: '300' };
  const { status } = spawnSync(process.execPath, ['dist/test/service/udisks-run.js'], { stdio: 'inherit', env: environment });
  process.exitCode = status ?? 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
