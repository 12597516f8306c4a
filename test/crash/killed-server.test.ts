// time limit: 600 s
/** kill -9 of the server under load; `npm run stress -- --kill` does it more often. */
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { killedKinds, killRepeatedly } from './killed-server.js';

t.setTimeout(600_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 108);
const ROUNDS = 3;
/** The others have their turn in the script. */
const KINDS = 2;

for (const kind of killedKinds.slice(0, KINDS)) {
  t.test(kind.name, { skip: cannotMount() || missing('mke2fs', 'e2fsck', 'cc') }, async (t) => {
    t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
    const { problems, acknowledgements } = await killRepeatedly(scratchDirectory(t, 'killed'), kind, { seed, rounds: ROUNDS });
    t.strictSame(problems, [], 'what was acknowledged is there, nothing foreign shows, and e2fsck is content, whoever recovers');
    t.ok(acknowledgements > ROUNDS, `${acknowledgements} were acknowledged`);
  });
}
