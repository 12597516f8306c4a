/** Metadata that one caller waits for, on a device that answers when it is told to. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, run } from '../support/command.js';
import { debugfs, makeImage, mebibyte } from '../support/image.js';
import { attachLoop, detachLoop } from '../support/loop-mount.js';
import { cannotMount, cannotUseLoopDevices } from '../support/machine.js';
import { fuse4fs, fuseMount, kernelMount } from '../support/mount.js';
import { released } from '../support/released.js';
import { scratchDirectory } from '../support/scratch.js';
import { serverOf } from '../support/server.js';
import { SlowDevice } from '../support/slow-device.js';

const skip = cannotMount() || cannotUseLoopDevices();
const BLOCK = 4096;
/** Each in a group of its own, so that the device reads each by itself. */
const DIRECTORIES = ['a', 'b', 'c', 'd', 'e', 'f'];
const CALLERS = DIRECTORIES.slice(1);

interface Scene {
  readonly device: SlowDevice;
  readonly loop: string;
  /** Where the inodes of these directories lie. */
  readonly inodes: readonly (readonly [number, number])[];
}

async function scene(t: Test): Promise<Scene> {
  const image = await makeImage(scratchDirectory(t, 'metadata-reads'), { size: 1024 * mebibyte, arguments: ['-O', '^flex_bg', '-b', String(BLOCK)] });
  await kernelMount(image, [], async (target) => {
    for (const name of DIRECTORIES) {
      mkdirSync(join(target, name));
      writeFileSync(join(target, name, 'file'), name);
    }
    return Promise.resolve();
  });
  const inodes = await Promise.all(
    CALLERS.map(async (name) => {
      const block = Number(/located at block (\d+)/u.exec(await debugfs(image, [`imap /${name}`]))?.[1]);
      return [block * BLOCK, (block + 1) * BLOCK] as const;
    }),
  );
  const device = await SlowDevice.make(t, image);
  // Past the cache of the file, and with as many reads at once as are asked for.
  const loop = attachLoop(device.path, '--direct-io=on');
  t.teardown(() => detachLoop(device.path, loop));
  return { device, loop, inodes };
}

const statOf = (path: string) => attempt('stat', ['--format=%F', path]);

t.test('the device reads for several callers at once, and others are served', { skip }, async (t) => {
  const { device, loop, inodes } = await scene(t);
  for (const options of [['ro'], []]) {
    await fuseMount(loop, options, async (target) => {
      await device.order({ hold: inodes });
      const waiting = CALLERS.map((name) => statOf(join(target, name)));
      await device.holding(CALLERS.length);
      t.equal((await stat(join(target, 'a/file'))).size, 1, 'what is elsewhere can be looked up');
      t.same(await readdir(join(target, 'a')), ['file'], 'listed');
      t.equal(await readFile(join(target, 'a/file'), 'utf8'), 'a', 'and read');
      await device.order({ hold: inodes.slice(1) });
      t.match(await waiting[0], { status: 0 }, 'who has what he waited for goes on, others wait still');
      await device.order({ hold: [] });
      for (const { status, stdout } of await Promise.all(waiting)) t.equal(`${status} ${stdout.toString()}`, '0 directory\n');
      for (const name of CALLERS) t.equal(await readFile(join(target, name, 'file'), 'utf8'), name);
    });
  }
});

t.test('what cannot be read is an error to who asked', { skip }, async (t) => {
  const { device, loop, inodes } = await scene(t);
  await fuseMount(loop, ['ro'], async (target) => {
    await device.order({ fail: inodes.slice(0, 1), hold: inodes.slice(1) });
    const waiting = statOf(join(target, CALLERS[1] as string));
    await device.holding(1);
    t.match(await statOf(join(target, CALLERS[0] as string)), { status: 1, stderr: /Input\/output error/u }, 'while another one waits');
    await device.order({ fail: [], hold: [] });
    t.match(await waiting, { status: 0 });
    t.match(await statOf(join(target, CALLERS[0] as string)), { status: 0 }, 'and nothing is remembered of it');
  });
});

t.test('a mount ends with reads in flight', { skip }, async (t) => {
  const { device, loop, inodes } = await scene(t);
  const target = join(scratchDirectory(t, 'metadata-reads'), 'mnt');
  mkdirSync(target);
  t.teardown(() => attempt('umount', ['-l', target]));
  for (const end of ['killed', 'aborted'] as const) {
    await run(process.execPath, [fuse4fs, loop, target]);
    await device.order({ hold: inodes });
    const waiting = CALLERS.map((name) => statOf(join(target, name)));
    await device.holding(CALLERS.length);
    if (end === 'killed') process.kill(await serverOf(target), 'SIGKILL');
    else await run('umount', ['--force', '--lazy', target]);
    await device.order({ hold: [] });
    for (const { status } of await Promise.all(waiting)) t.equal(status, 1, `${end}: the caller hears of it`);
    if (end === 'killed') await run('umount', [target]);
    await released(loop);
  }
});
