/** errors=continue, remount-ro and panic: what becomes of a mount that meets damage. */
import { existsSync, openSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { attempt, run } from '../support/command.js';
import { debugfs, makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';

t.setTimeout(120_000);
const skip = cannotMount() || missing('mke2fs', 'debugfs', 'dumpe2fs');

/** An image with a directory whose only block is damaged. */
async function damaged(directory: string): Promise<string> {
  const image = await makeImage(directory, { size: 32 * mebibyte });
  await debugfs(image, ['mkdir broken'], true);
  const block = Number(await debugfs(image, ['blocks broken']).then((text) => /(\d+)\s*$/.exec(text)?.[1]));
  const descriptor = openSync(image, 'r+');
  writeSync(descriptor, Buffer.alloc(64, 0xa5), 0, 64, block * 4096 + 100);
  closeSync(descriptor);
  return image;
}

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};

for (const policy of ['continue', 'remount-ro', 'panic'] as const) {
  t.test(`errors=${policy}`, { skip }, async (t) => {
    const image = await damaged(scratchDirectory(t, 'fuse4fs-errors'));
    const use = async (target: string): Promise<void> => {
      const file = join(target, 'file');
      writeFileSync(file, 'before');
      await run('sync', ['-f', target]);
      t.ok(codeOf(() => writeFileSync(join(target, 'broken', 'new'), '')), 'damage is an error');
      const after = codeOf(() => writeFileSync(join(target, 'other'), 'after'));
      if (policy === 'continue') t.equal(after, undefined, 'all else goes on');
      if (policy === 'remount-ro') t.equal(after, 'EROFS', 'nothing can be changed any more');
      if (policy === 'remount-ro') t.ok(existsSync(file), 'but read');
      if (policy === 'panic') t.ok(['ENOTCONN', 'ECONNABORTED'].includes(after ?? ''), `the mount is dead: ${String(after)}`);
      if (policy === 'panic') await attempt('umount', [target]);
    };
    const mounted = fuseMount(image, [`errors=${policy}`], use);
    if (policy === 'panic') await mounted.catch(() => undefined);
    else await mounted;
    if (policy === 'panic') return;
    const header = await run('dumpe2fs', ['-h', image]);
    t.match(header.toString(), /Filesystem state: .*with errors/, 'the superblock says so');
    t.match(header.toString(), /FS Error count: +1/, 'and counts');
  });
}
