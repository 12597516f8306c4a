/** Eight processes at random in one tree, through a mount of it; and the tree that is left. */
import t from 'tap';
import { attempt } from '../support/command.js';
import { cannotMount, isFullSize, missing } from '../support/machine.js';
import { manifestDifferences, treeManifest } from '../support/manifest.js';
import { nativeProgram } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';
import { treeFilesystems } from '../support/tree-filesystems.js';
import { treeIn, treeMount } from '../support/tree-mount.js';

t.setTimeout(300_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 411);
const SECONDS = isFullSize ? 60 : 2;
const MOST_DIFFERENCES = 10;
/**
 * What is cached of a range that was only allocated counts as data, as long as it is cached. tmpfs counts pages of holes
 * that were only looked at through a mapping, until somebody wants their memory.
 */
const INCOMPARABLE = { ext4: ['map', 'atime'], tmpfs: ['map', 'atime', 'blocks'] } as const;

for (const { name, withTree } of treeFilesystems) {
  t.test(`at random, on ${name}`, { skip: cannotMount() || missing('cc') }, async (t) => {
    t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
    const program = await nativeProgram('exercise-tree');
    await withTree(scratchDirectory(t, 'tree-random'), async (tree) => {
      const shown = await treeMount(tree, ['noatime'], async (target) => {
        const { status, stdout } = await attempt(program, [treeIn(target, 'tree'), seed, 8, SECONDS].map(String));
        t.equal(status, 0, stdout.toString());
        return treeManifest(target);
      });
      t.ok(shown.size > 10, `${shown.size} files`);
      t.strictSame(manifestDifferences(await treeManifest(tree), shown, INCOMPARABLE[name]).slice(0, MOST_DIFFERENCES), [], 'the directory has what the mount has shown');
      const { status, stdout } = await attempt(program, ['--verify', tree]);
      t.equal(status, 0, `and what is in the files was written: ${stdout.toString()}`);
    });
  });
}
