// time limit: 600 s
/** Some of the fuzzer's images through the real mount: helper, contained server and kernel between. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { attempt } from '../support/command.js';
import { cannotMount, missing } from '../support/machine.js';
import { fileDigest } from '../support/manifest.js';
import { fuseMount } from '../support/mount.js';
import { nativeProgram } from '../support/native.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';
import { anatomyOf } from './anatomy.js';
import { damage } from './damage.js';
import { makeFuzzBases } from './fuzz-images.js';
import { baseOf } from './fuzz-worker.js';

t.setTimeout(600_000);
const COUNT = 24;
/** A walk of a small image; the machine may be busy. */
const MOST_SECONDS = 120;

/** Refused with mount(8)'s status, or walked to the end by a server that lives. */
async function outcomeOf(image: string): Promise<string> {
  const manifest = await nativeProgram('manifest');
  try {
    return await fuseMount(image, ['ro'], async (target) => {
      const { status, stdout } = await attempt('timeout', [String(MOST_SECONDS), manifest, target]);
      if (status !== 0) return `the walk ended with status ${String(status)}`;
      return /ENOTCONN|ECONNABORTED|ENOSYS/.exec(stdout.toString())?.[0] ?? 'read';
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return /status 32\n/.test(message) ? 'refused' : message;
  }
}

t.test('damaged metadata behind a mount', { skip: cannotMount() || missing('mke2fs', 'debugfs', 'cc') }, async (t) => {
  const directory = scratchDirectory(t, 'fuzz-mount');
  const bases = await makeFuzzBases(directory);
  const first = Number(process.env['FUSE4FS_SEED'] ?? 9_000_000);
  t.comment(`seeds ${first} to ${first + COUNT - 1} (FUSE4FS_SEED sets the first)`);
  let read = 0;
  for (let seed = first; seed < first + COUNT; seed++) {
    const base = baseOf(bases, seed);
    const bytes = new Uint8Array(readFileSync(base.path));
    damage(bytes, anatomyOf(bytes), new Random(seed));
    const image = join(directory, `damaged-${seed}.img`);
    writeFileSync(image, bytes);
    const before = await fileDigest(image);
    const outcome = await outcomeOf(image);
    if (outcome === 'read') read++;
    t.ok(outcome === 'read' || outcome === 'refused', `seed ${seed}, ${base.name}: ${outcome}`);
    t.equal(await fileDigest(image), before, `seed ${seed}: nothing was written`);
  }
  t.ok(read > COUNT / 3, `${read} of ${COUNT} were mounted`);
});
