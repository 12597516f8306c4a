import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.js';

const MIB = 1 << 20;

/** How much the image holds; every contender reads the same one. */
export interface Contents {
  readonly bigFileMiB: number;
  readonly directories: number;
  readonly filesPerDirectory: number;
}

export const fullContents: Contents = { bigFileMiB: 1024, directories: 100, filesPerDirectory: 200 };
export const quickContents: Contents = { bigFileMiB: 256, directories: 100, filesPerDirectory: 200 };

export const BIG_FILE = 'big';
export const TREE = 'tree';

/** Makes an image as mke2fs does by default, filled through the kernel's driver. */
export async function makeImage(path: string, scratch: string, contents: Contents): Promise<void> {
  const { bigFileMiB, directories, filesPerDirectory } = contents;
  rmSync(path, { force: true });
  writeFileSync(path, '');
  truncateSync(path, (bigFileMiB * 2 + 512) * MIB);
  await run('mke2fs', '-q', '-F', '-t', 'ext4', '-E', 'lazy_itable_init=0,lazy_journal_init=0', path);

  const target = join(scratch, 'fill');
  mkdirSync(target, { recursive: true });
  await run('mount', '-o', 'loop', path, target);
  try {
    writeBigFile(join(target, BIG_FILE), bigFileMiB);
    for (let directory = 0; directory < directories; directory++) {
      const where = join(target, TREE, `d${directory}`);
      mkdirSync(where, { recursive: true });
      for (let file = 0; file < filesPerDirectory; file++) {
        writeFileSync(join(where, `file-${file}.txt`), Buffer.alloc(sizeOf(file), `${directory}/${file}\n`));
      }
    }
  } finally {
    await run('umount', target);
  }
}

/** Small files as in a source tree: from 100 bytes to 12 KiB, the same ones every time. */
const sizeOf = (file: number): number => 100 + ((file * 2654435761) % 12_000);

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

export const machine = (): Record<string, string> => ({
  processor: /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown',
  processors: String(readFileSync('/proc/cpuinfo', 'utf8').match(/^processor/gm)?.length ?? 1),
  memory: `${Math.round(Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) / 1024)} MiB`,
});
