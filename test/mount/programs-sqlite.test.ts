// time limit: 900 s
/** Transactions of sqlite on a mount of ours, while sqlite is killed, or the server of the mount. FUSE4FS_TEST_SIZE=full: four times as many. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/command.js';
import { dataThroughServer } from '../support/data-requests.js';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { mountsForIomap } from '../support/mount-source.js';
import { kernelMount } from '../support/mount.js';
import { cannotMount, isFullSize, missing } from '../support/machine.js';
import { memoryDirectory } from '../support/memory-directory.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';
import { ServedMount } from '../support/served-mount.js';

t.setTimeout(900_000);
const skip = cannotMount() || missing('mke2fs', 'e2fsck', 'sqlite3', 'stdbuf');

const seed = Number(process.env['FUSE4FS_SEED'] ?? 213);

interface Kind {
  readonly journal: 'DELETE' | 'TRUNCATE' | 'WAL';
  readonly transactions: number;
}

/** Together 10,000. */
const kinds: readonly Kind[] = [
  { journal: 'DELETE', transactions: 600 },
  { journal: 'TRUNCATE', transactions: 900 },
  { journal: 'WAL', transactions: 8500 },
];

/** Each adds a row, moves an amount between two others, and is acknowledged by a line with its number. */
function* statements(first: number, last: number): Generator<string> {
  for (let row = first; row <= last; row++) {
    yield `BEGIN; INSERT INTO row VALUES(${row}, ${row * 7919}, printf('%.*c', ${(row * 31) % 900}, 'x'));`;
    yield `UPDATE account SET balance = balance - ${row} WHERE id = ${row % 10};`;
    yield `UPDATE account SET balance = balance + ${row} WHERE id = ${(row * 3 + 1) % 10}; COMMIT; SELECT ${row};\n`;
  }
}

/** @returns the last number that was acknowledged; `seen` is told each one as it comes, and may kill sqlite */
function transact(database: string, script: string, seen: (row: number, kill: () => void) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const sqlite = spawn('stdbuf', ['-oL', 'sqlite3', '-bail', database], { stdio: ['pipe', 'pipe', 'pipe'] });
    let acknowledged = 0;
    let rest = '';
    sqlite.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!/^\d+$/.test(line)) continue;
        acknowledged = Number(line);
        seen(acknowledged, () => sqlite.kill('SIGKILL'));
      }
    });
    sqlite.stdin.on('error', () => undefined).end(script);
    sqlite.on('error', reject);
    sqlite.on('close', () => resolve(acknowledged));
  });
}

const ask = async (database: string, question: string): Promise<string> => (await run('sqlite3', [database, question])).toString().trim();

t.test(`killed in between, seed ${seed}`, { skip }, async (t) => {
  const random = new Random(seed);
  const memory = await memoryDirectory(t, scratchDirectory(t, 'sqlite'), 400 * mebibyte);
  for (const { journal, transactions } of kinds) {
    await t.test(`journal_mode=${journal}`, async (t) => {
      const image = await makeImage(memory, { size: 96 * mebibyte }, journal);
      const target = join(memory, `mnt-${journal}`);
      mkdirSync(target);
      const mount = new ServedMount(t, image, target);
      const database = join(target, 'database');
      // EXTRA: in mode DELETE a transaction ends with an unlink, and FULL does not fsync the directory after it.
      const settings = `PRAGMA journal_mode=${journal}; PRAGMA synchronous=EXTRA; PRAGMA wal_autocheckpoint=200;\n`;
      await mount.mount();
      await run('sqlite3', [database], {
        input: `${settings} CREATE TABLE row(n INTEGER PRIMARY KEY, m INTEGER, text TEXT); CREATE INDEX second ON row(m, text);
          CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER);
          INSERT INTO account(id, balance) VALUES (0,0),(1,0),(2,0),(3,0),(4,0),(5,0),(6,0),(7,0),(8,0),(9,0);`,
      });

      const last = transactions * (isFullSize ? 4 : 1);
      const rounds = 6;
      let done = 0;
      for (let round = 0; done < last; round++) {
        const killAt = round < rounds ? done + 1 + random.below(Math.ceil((last / rounds) * 1.6)) : Infinity;
        const victim = killAt > last ? 'nobody' : round % 2 === 0 ? 'the server' : 'sqlite';
        const acknowledged = await transact(database, settings + [...statements(done + 1, last)].join(''), (row, killSqlite) => {
          if (row !== killAt || victim === 'nobody') return;
          if (victim === 'sqlite') killSqlite();
          else mount.killServer();
        });
        if (victim === 'the server') await mount.mountAgain();
        const found = Number(await ask(database, 'SELECT count(*) FROM row'));
        t.comment(`${victim} killed: ${acknowledged} acknowledged, ${found} there`);
        const state = {
          integrity: await ask(database, 'PRAGMA integrity_check'),
          without: await ask(database, 'SELECT count(*) FROM row WHERE n > (SELECT count(*) FROM row)'),
          sum: await ask(database, 'SELECT sum(balance) FROM account'),
          lost: found < Math.max(acknowledged, done),
        };
        t.strictSame(state, { integrity: 'ok', without: '0', sum: '0', lost: false }, `sound after ${found} transactions, ${victim} killed`);
        if (found <= done && victim === 'nobody') throw new Error(`no transaction succeeds after ${found}`);
        done = found;
      }
      if (mountsForIomap) t.strictSame(await dataThroughServer(target), [], 'the kernel has moved all data itself');
      await mount.unmount();
      t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
      const kernel = await kernelMount(image, [], async (kernelTarget) => {
        const there = join(kernelTarget, 'database');
        return [await ask(there, 'PRAGMA integrity_check'), await ask(there, 'SELECT count(*) FROM row')];
      });
      t.strictSame(kernel, ['ok', String(last)], 'and sqlite on the kernel’s mount sees the same');
    });
  }
});
