import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.js';
import type { Sizes } from './sizes.js';
import { sizeOf } from './source.js';

const MIB = 1 << 20;
/** Sparse: what is not written takes no room. */
const EMPTY_IMAGE_MIB = 4096;

export const BIG_FILE = 'big';
export const TREE = 'tree';

/** The images of a run; nobody writes to either. */
export interface Images {
  readonly filled: string;
  readonly empty: string;
}

/** Makes them as mke2fs does by default, and fills the one through the kernel's driver. */
export async function makeImages(scratch: string, sizes: Sizes): Promise<Images> {
  const images = { filled: join(scratch, 'filled.img'), empty: join(scratch, 'empty.img') };
  await makeFilesystem(images.empty, EMPTY_IMAGE_MIB);
  await makeFilesystem(images.filled, sizes.bigFileMiB + 1024);
  const target = join(scratch, 'fill');
  mkdirSync(target, { recursive: true });
  await run('mount', '-o', 'loop', images.filled, target);
  try {
    fill(target, sizes);
  } finally {
    await run('umount', target);
  }
  return images;
}

async function makeFilesystem(path: string, sizeMiB: number): Promise<void> {
  rmSync(path, { force: true });
  writeFileSync(path, '');
  truncateSync(path, sizeMiB * MIB);
  await run('mke2fs', '-q', '-F', '-t', 'ext4', '-E', 'lazy_itable_init=0,lazy_journal_init=0', path);
}

function fill(target: string, { bigFileMiB, directories, filesPerDirectory }: Sizes): void {
  writeBigFile(join(target, BIG_FILE), bigFileMiB);
  for (let directory = 0; directory < directories; directory++) {
    const where = join(target, TREE, `d${directory}`);
    mkdirSync(where, { recursive: true });
    for (let file = 0; file < filesPerDirectory; file++) {
      writeFileSync(join(where, `file-${file}.txt`), Buffer.alloc(sizeOf(file), `${directory}/${file}\n`));
    }
  }
}

function writeBigFile(path: string, sizeMiB: number): void {
  const piece = randomFillSync(Buffer.alloc(MIB));
  const fd = openSync(path, 'w');
  for (let done = 0; done < sizeMiB; done++) writeSync(fd, piece);
  closeSync(fd);
}

/** Brings an image file into the page cache, so that what is measured is not the disk below it. */
export async function warmFile(path: string): Promise<void> {
  const file = await open(path);
  const piece = Buffer.alloc(4 * MIB);
  while ((await file.read(piece, 0, piece.length, null)).bytesRead > 0);
  await file.close();
}

/** Drops page cache, dentries and inodes of the whole machine: of the mount and of what lies below it. */
export async function dropCaches(): Promise<void> {
  await run('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

export async function attachLoop(image: string, readOnly: boolean): Promise<string> {
  return (await run('losetup', '--find', '--show', ...(readOnly ? ['--read-only'] : []), image)).trim();
}

export async function detachLoop(device: string): Promise<void> {
  await run('losetup', '--detach', device);
}
