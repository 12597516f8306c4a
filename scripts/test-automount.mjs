// npm run test:automount: disks are plugged into a whole system, systemd, udev and udisks over the test kernel, and
// taken out. Their packages are unpacked for it alone: the machine itself may do without.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootAndRun } from '../dist/test/kernel/boot.js';
import { tellConsole } from '../dist/test/kernel/console.js';
import { projectRoot } from '../dist/test/support/native.js';
import { UDISKS, unpack } from './packages.mjs';
import { testKernelOrExit } from './test-kernel.mjs';

const SECONDS = 400;
const COMMAND = 'TAP_TIMEOUT=300 node dist/test/automount/inside/plugged.js';

const kernel = await testKernelOrExit();

/** What the test inside wishes to be told to the kernel's console. */
const serve = (exchange) => {
  const wish = join(exchange, 'wish');
  let busy = false;
  const look = async () => {
    if (busy || !existsSync(wish)) return;
    busy = true;
    const command = readFileSync(wish, 'utf8').replaceAll('EXCHANGE', exchange);
    rmSync(wish);
    const answer = await tellConsole(exchange, command).then(() => 'done', (error) => error.message);
    busy = false;
    writeFileSync(join(exchange, 'answer'), answer);
  };
  return watch(exchange, () => void look());
};

mkdirSync(join(projectRoot, 'build'), { recursive: true });
const packages = mkdtempSync(join(projectRoot, 'build', 'packages-'));
let watcher;
let exchange;
const shown = (name) => (existsSync(join(exchange, name)) ? readFileSync(join(exchange, name), 'utf8') : '');
let said = '';
try {
  unpack(UDISKS, packages);
  const outcome = await bootAndRun({
    kernel,
    command: COMMAND,
    seconds: SECONDS,
    megabytes: 3072,
    parameters: [`system=${join(projectRoot, 'test/automount/full-system.sh')}`, `packages=${packages}`],
    onOutput: (chunk) => process.env.FUSE4FS_DEBUG && process.stdout.write(chunk),
    onExchange: (directory) => {
      exchange = directory;
      watcher = serve(directory);
    },
    onEnd: () => {
      said = shown('output');
      if (process.env.FUSE4FS_DEBUG) said += shown('install.log') + shown('journal');
    },
  });
  process.stdout.write(said);
  if (outcome.timedOut) console.error(`not done after ${SECONDS} s`);
  process.exitCode = outcome.status ?? 124;
} finally {
  watcher?.close();
  rmSync(packages, { recursive: true, force: true });
}
