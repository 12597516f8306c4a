/** Data of files in iomap mode: random operations against a model, on a server that only tells places. */
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { attempt, run } from '../../support/command.js';
import { nativeProgram } from '../../support/native.js';
import { withMappedFiles } from './mapped-files.js';

const operations = 4000;
const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
/** Where the last file's data starts. */
const far = 64 << 20;

t.setTimeout(300_000);

for (const options of [['--blocks', '4096'], ['--blocks', '1024'], ['--blocks', '512', '--cache'], ['--blocks', '4096', '--cache']])
  t.test(`random operations, ${options.join(' ')}`, async (t) => {
    const expected = mkdtempSync(join(tmpdir(), 'expected-'));
    await withMappedFiles(options, async ({ path, counts }) => {
      const args = [path, seed, operations, 0, expected, far, 'extents'].map(String);
      const { status, stdout, stderr } = await attempt(await nativeProgram('exercise-file'), args);
      t.equal(status, 0, `seed ${seed}`);
      if (status !== 0) t.comment(stdout.toString() + stderr);
      for (const cache of ['warm', 'cold']) {
        if (cache === 'cold') writeFileSync('/proc/sys/vm/drop_caches', '3');
        for (const entry of readdirSync(expected)) {
          const [name = '', offset = ''] = entry.split('@');
          const found = readFileSync(join(path, name)).subarray(Number(offset));
          t.ok(found.equals(readFileSync(join(expected, entry))), `${name}: contents, ${cache} cache`);
        }
      }
      const { read, write } = await counts(join(path, 'large'));
      t.same({ read, write }, { read: 0, write: 0 }, 'no data passed through the server');
    });
  });

t.test('extents and holes', async (t) => {
  await withMappedFiles([], async ({ path }) => {
    const file = join(path, 'sparse');
    await run('dd', ['if=/dev/zero', `of=${file}`, 'bs=64k', 'count=1', 'seek=4', 'conv=fsync']);
    const mapped = (await run('filefrag', ['-v', file])).toString();
    t.match(mapped, /64\.\. +79:/, 'FIEMAP tells the extent');
    t.match(mapped, /1 extent found/, 'and no other');
    const places = (await run('xfs_io', ['-r', '-c', 'seek -a -r 0', file]).catch(() => Buffer.from(''))).toString();
    if (places !== '') t.match(places.replaceAll(/\s+/g, ' '), /HOLE 0 DATA 262144 HOLE 327680/, 'SEEK_HOLE and SEEK_DATA');
    await run('fallocate', ['-p', '-o', '262144', '-l', '32768', file]);
    t.match((await run('filefrag', ['-v', file])).toString(), /72\.\. +79:/, 'a hole was punched');
  });
});

t.test('freezing', async (t) => {
  await withMappedFiles([], async ({ path }) => {
    writeFileSync(join(path, 'file'), 'data');
    await run('fsfreeze', ['-f', path]);
    await run('fsfreeze', ['-u', path]);
    writeFileSync(join(path, 'file'), 'more');
    t.equal(readFileSync(join(path, 'file'), 'utf8'), 'more');
  });
});
