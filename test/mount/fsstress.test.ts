// time limit: 600 s
/** Eight processes at random in one tree, through the mount; `npm run stress -- --fsstress` goes on for longer. */
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { exerciseTree, treeKinds } from './tree-exerciser.js';

t.setTimeout(600_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 199);

/** The others have their turn in the script. */
const KINDS = 4;

for (const kind of treeKinds.slice(0, KINDS)) {
  t.test(kind.name, { skip: cannotMount() || missing('mke2fs', 'e2fsck', 'cc') }, async (t) => {
    t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
    const { problems, outcomes } = await exerciseTree(scratchDirectory(t, 'fsstress'), kind, { seed, processes: 8, seconds: 4 });
    t.comment(outcomes);
    t.strictSame(problems, [], 'every answer is one that races explain, the kernel sees the same tree, and e2fsck has no complaints');
  });
}
