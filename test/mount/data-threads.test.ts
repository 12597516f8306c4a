/** Reads by the server's data threads, on a device that answers when it is told to. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, run } from '../support/command.js';
import { debugfs, makeImage, mebibyte } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { fuse4fs, fuseMount } from '../support/mount.js';
import { released } from '../support/released.js';
import { scratchDirectory } from '../support/scratch.js';
import { logOf, requestsOf, serverOf, statusOf } from '../support/server.js';
import { SlowDevice } from '../support/slow-device.js';

const skip = cannotMount();
const BLOCK = 4096;
const SLOW = Buffer.alloc(mebibyte, 'slow');
const QUICK = Buffer.alloc(BLOCK, 'quick');
const DATA_THREADS = 4;

interface Scene {
  readonly image: string;
  readonly device: SlowDevice;
  /** Where the contents of `slow` lie. */
  readonly slow: readonly [number, number];
}

async function scene(t: Test, size: number): Promise<Scene> {
  const directory = scratchDirectory(t, 'data-threads');
  const content = join(directory, 'content');
  mkdirSync(join(content, 'deep', 'deeper'), { recursive: true });
  writeFileSync(join(content, 'slow'), SLOW);
  writeFileSync(join(content, 'deep', 'deeper', 'quick'), QUICK);
  const image = await makeImage(directory, { from: content, size });
  const blocks = (await debugfs(image, ['blocks /slow'])).trim().split(/\s+/u).map(Number).filter(Boolean);
  return { image, device: await SlowDevice.make(t, image), slow: [Math.min(...blocks) * BLOCK, (Math.max(...blocks) + 1) * BLOCK] };
}

const readDirectly = (path: string, unit: string, ...more: readonly string[]) => attempt('dd', [`if=${path}`, `bs=${unit}`, 'iflag=direct', 'status=none', ...more]);

t.test('who waits for the device holds nobody else up', { skip }, async (t) => {
  const { device, slow } = await scene(t, 32 * mebibyte);
  for (const [unit, count] of [['4k', 1], ['1M', 1]] as const) {
    await fuseMount(device.path, ['ro'], async (target) => {
      await device.order({ hold: [slow] });
      const reading = readDirectly(join(target, 'slow'), unit, `count=${count}`);
      await device.holding(1);
      t.equal((await stat(join(target, 'deep', 'deeper', 'quick'))).size, QUICK.length, `${unit}: names and attributes are to be had`);
      t.ok(QUICK.equals(await readFile(join(target, 'deep', 'deeper', 'quick'))), `${unit}: and what lies elsewhere`);
      await device.order({ hold: [] });
      const { status, stdout } = await reading;
      t.ok(status === 0 && stdout.length > 0 && SLOW.subarray(0, stdout.length).equals(stdout), `${unit}: it gets what it waited for`);
    });
  }
});

t.test('what cannot be read is an error to who asked, and is told', { skip }, async (t) => {
  const { device, slow } = await scene(t, 32 * mebibyte);
  await fuseMount(device.path, ['ro'], async (target) => {
    await device.order({ fail: [slow] });
    for (const unit of ['4k', '1M']) t.match(await readDirectly(join(target, 'slow'), unit), { status: 1, stderr: /Input\/output error/u }, unit);
    // The filesystem thread hears of it as soon as it gets to it; a kernel with smaller requests has more of them.
    let errors = 0;
    while (errors < 2) errors = Number((await statusOf(target))['errors']);
    t.pass('they are counted');
    t.match(logOf(target), /READ of node \d+: reading \d+ bytes at \d+ .*errno 5/u);
    await device.order({ fail: [] });
    t.ok(SLOW.equals(await readFile(join(target, 'slow'))), 'and nothing is remembered of it');
  });
});

t.test('blocks that somebody still reads are not given to another file', { skip }, async (t) => {
  const { device, slow } = await scene(t, 12 * mebibyte);
  await fuseMount(device.path, [], async (target) => {
    await device.order({ hold: [slow] });
    const reading = readDirectly(join(target, 'slow'), '1M');
    await device.holding(1);
    let overwritten = false;
    const overwriting = run('sh', ['-c', 'truncate -s 0 slow && sync deep && dd if=/dev/zero of=other bs=64k oflag=direct; true'], { cwd: target }).finally(() => (overwritten = true));
    // The commit waits for the read; if it did not, the blocks would be written over by the time the other is through.
    for (let looks = 0; !overwritten && looks < 5; ) if (((await requestsOf(target))['FSYNCDIR'] ?? 0) > 0) looks++;
    await device.order({ hold: [] });
    const { status, stdout } = await reading;
    t.equal(status, 0);
    t.ok(SLOW.subarray(0, stdout.length).equals(stdout), 'the reader sees what was there, or less');
    await overwriting;
    t.ok((await stat(join(target, 'other'))).size > 2 * mebibyte, 'and who waited gets the room');
  });
});

t.test('a server ends with reads in flight', { skip }, async (t) => {
  const { device, slow, image } = await scene(t, 32 * mebibyte);
  const target = join(image, '..', 'mnt');
  mkdirSync(target);
  t.teardown(() => attempt('umount', ['-l', target]));
  const begin = async () => {
    await run(process.execPath, [fuse4fs, device.path, target, '-o', 'ro']);
    await device.order({ hold: [slow] });
    const reading = readDirectly(join(target, 'slow'), '1M');
    await device.holding(1);
    return { reading };
  };

  const killed = await begin();
  process.kill(await serverOf(target), 'SIGKILL');
  // As with any device, a process that is in the midst of reading ends when that does.
  await device.order({ hold: [] });
  t.equal((await killed.reading).status, 1, 'killed: the reader hears of it');
  await run('umount', [target]);
  await released(device.path);

  const aborted = await begin();
  await run('umount', ['--force', '--lazy', target]);
  t.equal((await aborted.reading).status, 1, 'aborted: the reader hears of it');
  await device.order({ hold: [] });
  await released(device.path);

  const left = await begin();
  t.equal((await attempt('umount', [target])).status, 32, 'a mount that is read is busy');
  await run('umount', ['--lazy', target]);
  await device.order({ hold: [] });
  t.ok(SLOW.equals((await left.reading).stdout), 'unmounted lazily: the reader gets what it waited for');
  await released(device.path);
});

t.test('all threads live behind the same walls', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'walls'), {});
  await fuseMount(image, ['confinement=strict'], async (target) => {
    const tasks = join('/proc', String(await serverOf(target)), 'task');
    const threads = readdirSync(tasks).map((task) => ({
      name: readFileSync(join(tasks, task, 'comm'), 'utf8').trim(),
      walls: readFileSync(join(tasks, task, 'status'), 'utf8').split('\n').filter((line) => /^(?:Cap|NoNewPrivs|Seccomp)/u.test(line)),
    }));
    t.equal(threads.filter(({ name }) => name === 'data').length, DATA_THREADS);
    t.match(threads[0]?.walls.join('\n'), /NoNewPrivs:\t1\nSeccomp:\t2\n/u);
    t.same(threads.filter(({ walls }) => walls.join() !== threads[0]?.walls.join()), []);
  });
});
