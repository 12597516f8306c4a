/** Large writes, which threads of their own bring to the device, on one that takes them when it is told to. */
import { constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, run } from '../support/command.js';
import { debugfs, e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { fuse4fs, fuseMount, kernelMount } from '../support/mount.js';
import { released } from '../support/released.js';
import { scratchDirectory } from '../support/scratch.js';
import { logOf, requestsOf, serverOf } from '../support/server.js';
import { NO_WRITE, SlowDevice } from '../support/slow-device.js';

const skip = cannotMount();
const SIZE = 64 * mebibyte;
/** What threads write is at least so long; what the journal writes here is less. */
const LONG = 128 * 1024;
const SECRET = Buffer.alloc(mebibyte, 'somebody else\'s secret, ');
const OLD = Buffer.alloc(4 * mebibyte, 'old');
const NEW = Buffer.alloc(4 * mebibyte, 'new');
const OTHER = Buffer.from('other');

interface Scene {
  readonly image: string;
  readonly device: SlowDevice;
}

/** A filesystem whose free blocks hold what was in a file that is gone, with two files. */
async function scene(t: Test): Promise<Scene> {
  const directory = scratchDirectory(t, 'data-writes');
  const image = await makeImage(directory, { size: SIZE, arguments: ['-E', 'lazy_itable_init=0'] });
  const secrets = join(directory, 'secrets');
  const old = join(directory, 'old');
  writeFileSync(secrets, Buffer.concat(Array.from({ length: 40 }, () => SECRET)));
  writeFileSync(old, OLD);
  writeFileSync(join(directory, 'other'), OTHER);
  await debugfs(image, [`write ${secrets} secrets`, `write ${old} old`, `write ${join(directory, 'other')} other`, 'rm secrets'], true);
  return { image, device: await SlowDevice.make(t, image) };
}

/** Past the kernel's cache of the mount, so that each write is a request at once. */
async function writeDirectly(path: string, data: Buffer): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_DIRECT);
  try {
    for (let at = 0; at < data.length; at += mebibyte) await file.write(data, at, mebibyte, at);
  } finally {
    await file.close();
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What became of something that goes on. */
function watch(promise: Promise<void>): { outcome: 'pending' | 'done' | Error; readonly end: Promise<void> } {
  const watched: { outcome: 'pending' | 'done' | Error; end: Promise<void> } = { outcome: 'pending', end: Promise.resolve() };
  watched.end = promise.then(
    () => void (watched.outcome = 'done'),
    (error: unknown) => void (watched.outcome = error as Error),
  );
  return watched;
}

/** Until the server has looked at so many more requests after the first of that kind. */
async function served(target: string, kind: string): Promise<void> {
  for (let looks = 0; looks < 5; ) if (((await requestsOf(target))[kind] ?? 0) > 0) looks++;
}

t.test('who waits for the device holds up nobody but who wants it to be durable', { skip }, async (t) => {
  const { image, device } = await scene(t);
  await fuseMount(device.path, ['commit=300'], async (target) => {
    await device.order({ holdWritesFrom: LONG });
    const writing = watch(writeDirectly(join(target, 'old'), NEW));
    await device.holding(1);
    t.equal((await stat(join(target, 'other'))).size, OTHER.length);
    t.ok(OTHER.equals(await readFile(join(target, 'other'))), 'others are served');
    await run('mkdir', [join(target, 'directory')]);
    const syncing = watch(sync(target));
    await served(target, 'FSYNCDIR');
    t.equal(syncing.outcome, 'pending', 'a commit waits for the data that came before it');
    await device.order({ holdWritesFrom: NO_WRITE });
    await Promise.all([writing.end, syncing.end]);
    t.same([writing.outcome, syncing.outcome], ['done', 'done']);
    t.ok(NEW.equals(await readFile(join(target, 'old'))));
  });
  t.equal(await e2fsckComplaints(image), undefined);
  await kernelMount(image, ['ro'], async (target) => t.ok(NEW.equals(readFileSync(join(target, 'old'))), 'so it is for the kernel'));
});

t.test('a reader does not see blocks before they are written', { skip }, async (t) => {
  const { image, device } = await scene(t);
  await fuseMount(device.path, [], async (target) => {
    const path = join(target, 'hole');
    await run('truncate', ['-s', '4M', path]);
    await device.order({ holdWritesFrom: LONG });
    const writing = watch(writeDirectly(path, NEW));
    await device.holding(1);
    const reading = attempt('dd', [`if=${path}`, 'bs=64k', 'count=1', 'iflag=direct', 'status=none']);
    await served(target, 'READ');
    await device.order({ holdWritesFrom: NO_WRITE });
    const { status, stdout } = await reading;
    t.equal(status, 0);
    t.ok(NEW.subarray(0, stdout.length).equals(stdout) && stdout.length > 0, 'but what is written then');
    await writing.end;
  });
  t.equal(await e2fsckComplaints(image), undefined);
});

t.test('a server that is killed leaves no file with blocks that nobody has written', { skip }, async (t) => {
  for (const options of [['commit=300'], ['commit=300', 'nobarrier']]) {
    const { image, device } = await scene(t);
    const target = join(image, '..', 'mnt');
    mkdirSync(target);
    t.teardown(() => attempt('umount', ['-l', target]));
    await run(process.execPath, [fuse4fs, device.path, target, '-o', options.join()]);
    await device.order({ holdWritesFrom: LONG });
    const writing = watch(writeDirectly(join(target, 'fresh'), NEW));
    await device.holding(1);
    const syncing = watch(sync(target));
    await served(target, 'FSYNCDIR');
    process.kill(await serverOf(target), 'SIGKILL');
    await device.order({ holdWritesFrom: NO_WRITE });
    await Promise.all([writing.end, syncing.end]);
    t.ok(writing.outcome instanceof Error && syncing.outcome instanceof Error, 'nobody was told that it is there');
    await run('umount', [target]);
    await released(device.path);
    await kernelMount(image, [], async (target) => {
      const found = await readFile(join(target, 'fresh')).catch(() => Buffer.alloc(0));
      t.notOk(found.includes('secret'), `${options.join()}: ${found.length} bytes of it`);
    });
    t.equal(await e2fsckComplaints(image), undefined);
  }
});

t.test('what cannot be written is an error to who wrote it', { skip }, async (t) => {
  const { image, device } = await scene(t);
  await fuseMount(device.path, ['commit=300', 'errors=continue'], async (target) => {
    await device.order({ failWritesFrom: LONG });
    const overwriting = watch(writeDirectly(join(target, 'old'), NEW));
    await overwriting.end;
    t.match(overwriting.outcome, { code: 'EIO' });
    await sync(target);
    t.pass('and what else there is can be written');
    const writing = watch(writeDirectly(join(target, 'fresh'), NEW));
    await writing.end;
    t.match(writing.outcome, { code: 'EIO' });
    await t.rejects(sync(target), 'the blocks cannot become the file\'s');
    t.match(logOf(target), /WRITE of node \d+: writing \d+ bytes at \d+ .*errno 5/u);
    t.match(logOf(target), /the journal was aborted/u);
    await device.order({ failWritesFrom: NO_WRITE });
    t.ok(OTHER.equals(await readFile(join(target, 'other'))), 'reading goes on');
  });
  await released(device.path);
  await kernelMount(image, [], async (target) => {
    const found = await readFile(join(target, 'fresh')).catch(() => Buffer.alloc(0));
    t.notOk(found.includes('secret'), `${found.length} bytes of it`);
  });
  t.equal(await e2fsckComplaints(image), undefined);
});
