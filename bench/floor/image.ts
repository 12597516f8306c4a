import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../command.js';
import { nativeProgram } from '../native-program.js';

export const DIRECTORIES = 100;
export const FILES = 20_000;
export const LINKS = 2000;
const BIG_FILE_MIB = 64;

/** The image that one-request expects. */
export async function makeRequestImage(image: string, scratch: string): Promise<void> {
  writeFileSync(image, '');
  truncateSync(image, 1 << 30);
  await run('mke2fs', '-q', '-F', '-t', 'ext4', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image);
  const target = join(scratch, 'fill');
  mkdirSync(target);
  await run('mount', '-o', 'loop', image, target);
  try {
    await run(await nativeProgram('many-files'), 'create', target, String(DIRECTORIES), String(FILES), '1', '600');
    await run('dd', 'if=/dev/zero', `of=${target}/big`, 'bs=1M', `count=${BIG_FILE_MIB}`, 'status=none');
    mkdirSync(join(target, 'made'));
    mkdirSync(join(target, 'links'));
    for (let link = 0; link < LINKS; link++) symlinkSync('to nothing', join(target, 'links', `l${link}`));
  } finally {
    await run('umount', target);
  }
}
