// time limit: 600 s
/** iomap on a real kernel, in short, where the test kernel has been built; README.md has how to run all of it. */
import { existsSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { bootAndRun } from './boot.js';
import { cachedKernel } from './build.js';

t.setTimeout(600_000);

const SECONDS = 150;
const MEGABYTES = 2048;
/** Where the kernel's memory lies. */
const MEMORY = '/dev/shm';
const kernel = cachedKernel();

const selection = [
  { name: 'rules that a server breaks', command: 'node dist/test/kernel/inside/rules.js' },
  { name: 'random operations on data', command: 'node scripts/stress.mjs --fsx --operations 2000 --seed 660 --only "ext4, 1 KiB"' },
  { name: 'FIEMAP and SEEK_DATA', command: 'FUSE4FS_KIND="ext4, 4 KiB" node dist/test/kernel/inside/extents.js' },
] as const;

interface Outcome {
  readonly status: number | undefined;
  readonly said: string;
}

async function inside(path: string, command: string, seconds: number, disks: readonly string[] = []): Promise<Outcome> {
  let said = '';
  const outcome = await bootAndRun({
    kernel: path,
    command: `export FUSE4FS_TEST_IOMAP=on; ${command}`,
    disks,
    megabytes: MEGABYTES,
    seconds,
    onOutput: (chunk) => (said += chunk.toString()),
  });
  return { status: outcome.status, said: said + outcome.messages.slice(-3000) };
}

function freeMegabytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return (bavail * bsize) / 2 ** 20;
}

async function whyNot(): Promise<string | false> {
  const lacking = cannotMount() || missing('mke2fs', 'e2fsck', 'cc', 'python3', 'filefrag');
  if (lacking !== false) return lacking;
  if (kernel === undefined) return 'the test kernel is not built: npm run test:iomap -- --build';
  if (!existsSync(MEMORY) || freeMegabytes(MEMORY) < MEGABYTES) return `${MEMORY} has no room for ${MEGABYTES} MiB`;
  const { status, said } = await inside(kernel, 'true', 60);
  return status !== 0 && `User Mode Linux does not run here: ${said.trim().split('\n').at(-1) ?? 'it says nothing'}`;
}

const skip = await whyNot();

for (const { name, command } of selection) {
  t.test(name, { skip }, async (t) => {
    const disk = join(scratchDirectory(t, 'kernel'), 'disk');
    writeFileSync(disk, '');
    truncateSync(disk, 1 << 30);
    const { status, said } = await inside(kernel ?? '', command, SECONDS, [disk]);
    t.equal(status, 0, command);
    if (status !== 0) t.comment(said.slice(-6000));
  });
}
