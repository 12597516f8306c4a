// time limit: 900 s
/** PostgreSQL on a mount of ours under pgbench: stopped at once, and with the server of the mount killed. FUSE4FS_TEST_SIZE=full: for minutes. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { dataThroughServer } from '../support/data-requests.js';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { UNKNOWN_BEFORE_UNMOUNT } from '../support/judge.js';
import { cannotMount, isFullSize, missing } from '../support/machine.js';
import { manifestDifferences, treeManifest } from '../support/manifest.js';
import { memoryDirectory } from '../support/memory-directory.js';
import { mountsForIomap } from '../support/mount-source.js';
import { kernelMount } from '../support/mount.js';
import { noPostgresql, Postgresql } from '../support/postgresql.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';
import { ServedMount } from '../support/served-mount.js';

t.setTimeout(900_000);
const skip = cannotMount() || missing('mke2fs', 'e2fsck') || noPostgresql();

const seed = Number(process.env['FUSE4FS_SEED'] ?? 220);
const SECONDS = isFullSize ? 60 : 6;
const CLIENTS = 4;

interface Load {
  /** Of transactions whose commit was acknowledged. */
  readonly processed: number;
  readonly succeeded: boolean;
}

async function load(database: Postgresql, seconds: number): Promise<Load> {
  const { status, stdout } = await database.attempt('pgbench', '-n', '-c', String(CLIENTS), '-j', '2', '-T', String(seconds));
  return { processed: Number(/^number of transactions actually processed: (\d+)/m.exec(stdout.toString())?.[1] ?? 0), succeeded: status === 0 };
}

/** Every transaction of pgbench adds one amount in three tables and writes it down in a fourth. */
async function assertConsistent(t: Test, database: Postgresql, { least, most }: { least: number; most: number }): Promise<number> {
  const [accounts, tellers, branches, history] = (
    await database.ask('SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(bbalance) FROM pgbench_branches), (SELECT coalesce(sum(delta), 0) FROM pgbench_history)')
  ).split('|');
  t.strictSame([accounts, tellers, branches], [history, history, history], `the sums agree: ${history}`);
  const count = Number(await database.ask('SELECT count(*) FROM pgbench_history'));
  t.ok(count >= least && count <= most, `${count} transactions are there, of ${least} that were acknowledged`);
  if (database.has('pg_amcheck')) {
    await database.run('pg_amcheck', '--install-missing', '--heapallindexed', '--parent-check');
    t.pass('pg_amcheck finds nothing');
  }
  return count;
}

t.test(`pgbench, seed ${seed}`, { skip }, async (t) => {
  const random = new Random(seed);
  const directory = scratchDirectory(t, 'pg');
  chmodSync(directory, 0o755);
  const memory = await memoryDirectory(t, directory, 900 * mebibyte);
  const image = await makeImage(memory, { size: (isFullSize ? 800 : 480) * mebibyte });
  const target = join(memory, 'mnt');
  mkdirSync(target);
  const mount = new ServedMount(t, image, target);
  const data = join(target, 'data');
  const database = new Postgresql(t, data, join(directory, 's'));

  await mount.mount();
  await database.initialise();
  await database.start();
  await database.run('pgbench', '-i', '-q', '-s', isFullSize ? '5' : '1');

  const whole = await load(database, SECONDS);
  t.ok(whole.succeeded, `pgbench: ${whole.processed} transactions`);
  let count = await assertConsistent(t, database, { least: whole.processed, most: whole.processed });

  await t.test('pg_ctl stop -m immediate', async (t) => {
    const running = load(database, SECONDS * 10);
    await pause(1000 + random.below(2000));
    await database.stop('immediate');
    const { processed } = await running;
    await database.start();
    count = await assertConsistent(t, database, { least: count + processed, most: count + processed + CLIENTS });
  });

  for (let round = 1; round <= (isFullSize ? 10 : 2); round++) {
    await t.test(`the server of the mount killed, ${round}`, async (t) => {
      const running = load(database, SECONDS * 10);
      await pause(1000 + random.below(2000));
      mount.killServer();
      await database.kill();
      const { processed, succeeded } = await running;
      t.notOk(succeeded, 'pgbench has noticed');
      await mount.mountAgain();
      await database.start();
      count = await assertConsistent(t, database, { least: count + processed, most: count + processed + CLIENTS });
    });
  }

  await database.stop('fast');
  const ours = await treeManifest(data);
  if (mountsForIomap) t.strictSame(await dataThroughServer(target), [], 'the kernel has moved all data itself');
  await mount.unmount();
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
  const kernel = await kernelMount(image, ['ro'], (kernelTarget) => treeManifest(join(kernelTarget, 'data')));
  t.strictSame(manifestDifferences(kernel, ours, UNKNOWN_BEFORE_UNMOUNT).slice(0, 20), [], `the kernel shows the same ${kernel.size} paths`);
});
