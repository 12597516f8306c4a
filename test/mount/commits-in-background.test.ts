/** Commits are written while others are served, and what goes wrong with them becomes everyone's error who waits. */
import { constants, createWriteStream, readdirSync, readFileSync, rmSync, type PathLike } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { attempt, run } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { cannotMount, cannotUseLoopDevices, missing } from '../support/machine.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { logOf, serverOf } from '../support/server.js';

t.setTimeout(120_000);
/** So many make a commit that nobody would write himself. */
const MANY = 100;
/** What is answered only after that was not served meanwhile. */
const LATE = 30_000;
const LOOK = 5;
/** Nothing is committed but by fsync. */
const UNHURRIED = ['commit=300'];

async function makeDirectories(target: string, prefix: string): Promise<void> {
  for (let index = 0; index < MANY; index++) await mkdir(join(target, `${prefix}-${index}`));
}

async function sync(path: PathLike): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Whether one of the threads waits for its device. */
const isWaiting = (process: number): boolean =>
  readdirSync(`/proc/${process}/task`).some((thread) => / D /u.test(readFileSync(`/proc/${process}/task/${thread}/stat`, 'latin1').replace(/^.*\)/u, '')));

t.test('others are served while the device takes its time', { skip: cannotMount() || cannotUseLoopDevices() || missing('mke2fs', 'e2fsck', 'fsfreeze') }, async (t) => {
  const outer = await makeImage(scratchDirectory(t, 'fuse4fs-background'), { size: 128 * mebibyte }, 'outer');
  await kernelMount(outer, [], async (base) => {
    const inner = await makeImage(base, { size: 48 * mebibyte }, 'inner');
    await fuseMount(inner, UNHURRIED, async (target) => {
      const server = await serverOf(target);
      await makeDirectories(target, 'before');
      await run('fsfreeze', ['-f', base]);
      let isFrozen = true;
      const thaw = async (): Promise<void> => {
        if (isFrozen) await run('fsfreeze', ['-u', base]);
        isFrozen = false;
      };
      const late = setTimeout(() => void thaw(), LATE);
      try {
        const ended: string[] = [];
        const first = sync(join(target, 'before-1')).then(() => ended.push('fsync'));
        while (isFrozen && !isWaiting(server)) await pause(LOOK);
        await mkdir(join(target, 'meanwhile'));
        t.ok((await stat(join(target, 'meanwhile'))).isDirectory());
        t.equal((await readdir(target)).filter((name) => name.startsWith('before')).length, MANY);
        const second = sync(join(target, 'before-2')).then(() => ended.push('fsync'));
        await mkdir(join(target, 'meanwhile', 'too'));
        t.same([isFrozen, ended], [true, []], 'all that before the first fsync was back');
        await thaw();
        await Promise.all([first, second]);
      } finally {
        clearTimeout(late);
        await thaw();
      }
      await makeDirectories(target, 'after');
      await sync(target);
    });
    t.equal(await e2fsckComplaints(inner), undefined, 'e2fsck');
  });
});

t.test('a commit that fails', { skip: cannotMount() || missing('mke2fs', 'dumpe2fs') }, async (t) => {
  const base = scratchDirectory(t, 'fuse4fs-background');
  await run('mount', ['-t', 'tmpfs', '-o', 'size=24M', 'fuse4fs-test', base]);
  try {
    // Of the journal mke2fs leaves holes, for which there will be no room.
    const image = await makeImage(base, { size: 256 * mebibyte, arguments: ['-J', 'size=64', '-E', 'lazy_itable_init=1,lazy_journal_init=1'] });
    await fuseMount(image, UNHURRIED, async (target) => {
      await makeDirectories(target, 'before');
      const filler = createWriteStream(join(base, 'filler'));
      filler.end(Buffer.alloc(32 * mebibyte));
      await t.rejects(finished(filler), { code: 'ENOSPC' });
      const outcomes = await Promise.allSettled([sync(target), sync(join(target, 'before-1'))]);
      t.same(outcomes.map(({ status }) => status), ['rejected', 'rejected'], 'everyone who waits is told');
      t.equal((await stat(join(target, 'before-1'))).isDirectory(), true, 'what is there can be read');
      await t.rejects(mkdir(join(target, 'after')), { code: 'EROFS' }, 'but nothing changed');
      await t.rejects(sync(target), 'nor does it become durable later');
      t.match(logOf(target), /the journal was aborted, nothing can be changed any more/u);
      rmSync(join(base, 'filler'));
    });
    t.match((await attempt('dumpe2fs', ['-h', image])).stdout.toString(), /FS Error count:\s+[1-9]/u, 'the superblock remembers');
  } finally {
    await attempt('umount', ['-l', base]);
  }
});
