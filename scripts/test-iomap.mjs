// npm run test:iomap -- [--disk FILE]… [--seconds N] [--cpus N] [--memory MIB] [--messages] [--] [COMMAND…]
// Runs the command as root in the test kernel, over this machine's own root file system; nothing written there stays.
// Without a command: the tests of test/kernel/inside. --build: only builds the kernel, and says where it is.
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bootAndRun, quoted } from '../dist/test/kernel/boot.js';
import { testKernelOrExit } from './test-kernel.mjs';

const { values, positionals } = parseArgs({
  options: {
    disk: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string' },
    cpus: { type: 'string', default: '1' },
    memory: { type: 'string', default: '2048' },
    parameter: { type: 'string', multiple: true, default: [] },
    messages: { type: 'boolean', default: false },
    build: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

/** One after the other; each gets a disk with nothing on it. */
const insideTests = 'export FUSE4FS_TEST_IOMAP=on; failed=0; for file in dist/test/kernel/inside/*.js; do case $(cat "$file") in *tap*) echo "# $file"; node "$file" || failed=1 ;; esac; done; exit $failed';

const command = positionals.length === 0 ? insideTests : positionals.length === 1 ? positionals[0] : positionals.map(quoted).join(' ');

const seconds = Number(values.seconds ?? (positionals.length === 0 ? 1800 : 600));

const kernel = await testKernelOrExit();
if (values.build) {
  console.log(kernel);
  process.exit(0);
}
const scratch = mkdtempSync(join(tmpdir(), 'disk-'));
if (values.disk.length === 0) {
  values.disk.push(join(scratch, 'disk'));
  writeFileSync(values.disk[0], '');
  truncateSync(values.disk[0], 2 * 1024 ** 3);
}
const missing = values.disk.find((file) => !existsSync(file));
if (missing !== undefined) {
  console.error(`${missing}: no such file`);
  process.exit(2);
}
const { status, timedOut, messages } = await bootAndRun({
  kernel,
  command,
  disks: values.disk,
  seconds,
  processors: Number(values.cpus),
  megabytes: Number(values.memory),
  parameters: values.parameter,
  onOutput: (chunk) => process.stdout.write(chunk),
});
rmSync(scratch, { recursive: true });
if (values.messages || status === undefined) process.stderr.write(messages);
if (timedOut) console.error(`The command took more than ${seconds} s`);
else if (status === undefined) console.error('The test kernel ended before the command');
process.exit(status ?? 124);
