// time limit: 600 s
// needs the test kernel
/** iomap on a real kernel, in short, where the test kernel can be built; README.md has how to run all of it. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { availableKernel } from './available.js';
import { bootAndRun } from './boot.js';

t.setTimeout(600_000);

const SECONDS = 150;
const MEGABYTES = 2048;

const selection = [
  { name: 'rules that a server breaks', command: 'node dist/test/kernel/inside/rules.js' },
  { name: 'random operations on data', command: 'node scripts/stress.mjs --fsx --operations 2000 --seed 660 --only "ext4, 1 KiB"' },
  { name: 'no room for what is cached', command: "TAP_GREP='/dirty pages|without end/' node dist/test/mount/full-disk.test.js" },
  { name: 'FIEMAP and SEEK_DATA', command: 'FUSE4FS_KIND="ext4, 4 KiB" node dist/test/kernel/inside/extents.js' },
] as const;

interface Outcome {
  readonly status: number | undefined;
  readonly said: string;
}

async function inside(command: string, seconds: number, disks: readonly string[]): Promise<Outcome> {
  let said = '';
  const outcome = await bootAndRun({
    kernel,
    command: `export FUSE4FS_TEST_IOMAP=on; ${command}`,
    disks,
    megabytes: MEGABYTES,
    seconds,
    onOutput: (chunk) => (said += chunk.toString()),
  });
  return { status: outcome.status, said: said + outcome.messages.slice(-3000) };
}

const { kernel, skip } = await availableKernel(MEGABYTES);
const lacking = skip || missing('mke2fs', 'e2fsck', 'cc', 'python3', 'filefrag');

for (const { name, command } of selection) {
  t.test(name, { skip: lacking }, async (t) => {
    const disk = join(scratchDirectory(t, 'kernel'), 'disk');
    writeFileSync(disk, '');
    truncateSync(disk, 1 << 30);
    const { status, said } = await inside(command, SECONDS, [disk]);
    t.equal(status, 0, command);
    if (status !== 0) t.comment(said.slice(-6000));
  });
}
