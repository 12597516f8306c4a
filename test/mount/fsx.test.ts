// time limit: 600 s
/** Random operations on the data of files, through the mount; `npm run stress -- --fsx` does more of them. */
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { dataKinds, exerciseData } from './data-exerciser.js';

t.setTimeout(600_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 206);
const OPERATIONS = 10_000;

for (const kind of dataKinds) {
  t.test(kind.name, { skip: cannotMount() || missing('mke2fs', 'e2fsck', 'cc') }, async (t) => {
    t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
    const problems = await exerciseData(scratchDirectory(t, 'fsx'), kind, { seed, operations: OPERATIONS, remounts: 2, seconds: 200 });
    t.strictSame(problems, [], 'every byte is what was written, for us, after remounts, and for the kernel; e2fsck has no complaints');
  });
}
