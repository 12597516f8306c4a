/** How long the extents are that files get, beside the kernel's ext4 under the same workload. */
import { appendFileSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';

t.setTimeout(300_000);
const skip = cannotMount() || missing('mke2fs', 'e2fsck', 'filefrag', 'cp', 'dd', 'sync');

const PIECE = Buffer.alloc(64 << 10, 'piece of a file ');

interface Workload {
  readonly name: string;
  /** Mean length of ours, as a part of the kernel's, that is still good enough. */
  readonly least: number;
  /** Does the same on every mount. @param origin a tree outside of the mount */
  readonly write: (target: string, origin: string) => Promise<void>;
}

/** Appends to each in turn, as programs with logs do: opened and closed for each piece. */
function appendInTurns(target: string, files: number, rounds: number, durable: boolean): void {
  for (let round = 0; round < rounds; round++) {
    for (let file = 0; file < files; file++) {
      const descriptor = openSync(join(target, `log-${file}`), 'a');
      writeSync(descriptor, PIECE);
      if (durable) fsyncSync(descriptor);
      closeSync(descriptor);
      if (file % 8 === 0) writeFileSync(join(target, `small-${round}-${file}`), 'between\n'.repeat(100));
    }
  }
}

const workloads: readonly Workload[] = [
  {
    name: 'cp -a of 2,000 files of up to 1 MiB',
    least: 0.8,
    write: async (target, origin) => void (await run('cp', ['-a', origin, join(target, 'copy')])),
  },
  {
    name: 'four programs, each writing 64 MiB',
    // Four files are four or five extents with the kernel; one more each is still 20 MiB an extent.
    least: 0.4,
    write: async (target) => {
      const one = (index: number): Promise<Buffer> => run('dd', ['if=/dev/zero', `of=${join(target, `stream-${index}`)}`, 'bs=128K', 'count=512', 'status=none']);
      await Promise.all([0, 1, 2, 3].map(one));
    },
  },
  {
    name: 'appending 64 KiB to 16 files in turns',
    least: 0.75,
    write: (target) => Promise.resolve(appendInTurns(target, 16, 64, false)),
  },
  {
    name: 'the same, each with fsync',
    least: 1,
    write: (target) => Promise.resolve(appendInTurns(target, 16, 64, true)),
  },
];

/** Many small files, few large ones: sizes of each order of magnitude are equally frequent. */
function makeTree(directory: string, files: number): void {
  const random = new Random(7);
  for (let file = 0; file < files; file++) {
    const inDirectory = join(directory, `directory-${Math.floor(file / 100)}`);
    if (file % 100 === 0) mkdirSync(inDirectory, { recursive: true });
    const size = Math.floor(2 ** (10 + random.below(10_000) / 1000));
    writeFileSync(join(inDirectory, `file-${file}`), '');
    for (let left = size; left > 0; left -= PIECE.length) appendFileSync(join(inDirectory, `file-${file}`), PIECE.subarray(0, left));
  }
}

interface Lengths {
  readonly extents: number;
  /** In KiB. */
  readonly mean: number;
}

/** As filefrag sees it: extents that lie behind each other are one. */
async function extentLengths(target: string): Promise<Lengths> {
  const files = readdirSync(target, { recursive: true, encoding: 'utf8' })
    .map((name) => join(target, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size > 0);
  const told = (await run('filefrag', files)).toString().trim().split('\n');
  const extents = told.reduce((sum, line) => sum + Number(/: (\d+) extents? found$/.exec(line)?.[1]), 0);
  const blocks = files.reduce((sum, path) => sum + statSync(path).blocks, 0);
  return { extents, mean: blocks / 2 / extents };
}

t.test('mean length of extents beside the kernel', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'extents');
  const origin = join(directory, 'origin');
  makeTree(origin, 2000);
  for (const { name, least, write } of workloads) {
    const measure = async (mount: typeof kernelMount, label: string): Promise<Lengths> => {
      const image = await makeImage(directory, { size: 1024 * mebibyte }, `${label}-${workloads.findIndex((one) => one.name === name)}`);
      await mount(image, [], (target) => write(target, origin));
      t.equal(await e2fsckComplaints(image), undefined, `${name}: e2fsck finds nothing (${label})`);
      const lengths = await kernelMount(image, ['ro'], extentLengths);
      await run('rm', [image]);
      return lengths;
    };
    const [kernel, ours] = [await measure(kernelMount, 'kernel'), await measure(fuseMount, 'ours')];
    t.comment(`${name}: ours ${ours.mean.toFixed(0)} KiB in ${ours.extents} extents, the kernel's ${kernel.mean.toFixed(0)} KiB in ${kernel.extents}`);
    t.ok(ours.mean >= least * kernel.mean, name, { ours, kernel });
  }
});
