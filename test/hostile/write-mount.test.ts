// time limit: 600 s
/** Damaged images mounted for writing, worked on by several processes: the server lives, and every failure is a deliberate one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { attempt } from '../support/command.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { nativeProgram } from '../support/native.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';
import { logOf } from '../support/server.js';
import { anatomyOf } from './anatomy.js';
import { corpusImages, corpusIsMissing } from './corpus.js';
import { damage } from './damage.js';
import { makeFuzzBases } from './fuzz-images.js';
import { baseOf } from './fuzz-worker.js';

t.setTimeout(600_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 192);
const COUNT = 8;
/** Of the images beside the project, every so-manieth; which ones depends on the seed. */
const SHARE = 14;
const PROCESSES = 3;
const SECONDS = 1;
const MOST_SECONDS = 120;

const skip = cannotMount() || missing('mke2fs', 'debugfs', 'cc');

/** Where an error was thrown that nobody foresaw, the log has its stack. */
const DEFECT = /.*(?:file:\/\/|TypeError|RangeError).*/;

/** "refused", "written to", or what went wrong. */
async function outcomeOf(image: string, seed: number): Promise<string> {
  const program = await nativeProgram('exercise-tree');
  try {
    return await fuseMount(image, ['errors=continue', 'nodev'], async (target) => {
      const { status, stdout } = await attempt('timeout', [MOST_SECONDS, program, target, seed, PROCESSES, SECONDS, 'damaged'].map(String));
      if (status !== 0) return `exercise-tree ended with ${String(status)}: ${stdout.toString()}`;
      return DEFECT.exec(logOf(target))?.[0] ?? 'written to';
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return /status 32\n/.test(message) ? 'refused' : message;
  }
}

t.test('images of the fuzzer', { skip }, async (t) => {
  t.comment(`seeds ${seed} to ${seed + COUNT - 1} (FUSE4FS_SEED sets the first)`);
  const directory = scratchDirectory(t, 'write-mount');
  const bases = await makeFuzzBases(directory);
  for (let number = seed; number < seed + COUNT; number++) {
    const base = baseOf(bases, number);
    const bytes = new Uint8Array(readFileSync(base.path));
    damage(bytes, anatomyOf(bytes), new Random(number));
    const image = join(directory, `damaged-${number}.img`);
    writeFileSync(image, bytes);
    t.match(await outcomeOf(image, number), /^(refused|written to)$/, `seed ${number}, ${base.name}`);
  }
});

t.test('images beside the project', { skip: skip || corpusIsMissing() }, async (t) => {
  const directory = scratchDirectory(t, 'write-corpus');
  for (const image of corpusImages().filter((_, index) => (index + seed) % SHARE === 0)) {
    const path = join(directory, `${image.name}.img`);
    writeFileSync(path, image.contents());
    t.match(await outcomeOf(path, seed), /^(refused|written to)$/, image.name);
  }
});
