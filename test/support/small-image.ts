/** An ext4 image with a little of everything, made without mounting anything. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync, openSync, writeSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallImage {
  readonly path: string;
  remove(): void;
}

/** @param mke2fsArguments in addition to the type, the contents and the size */
export function smallImage(...mke2fsArguments: string[]): SmallImage {
  const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-image-'));
  const contents = join(directory, 'contents');
  fill(contents);
  const path = join(directory, 'image');
  execFileSync('mke2fs', ['-q', '-t', 'ext4', ...mke2fsArguments, '-d', contents, path, '32M'], { stdio: ['ignore', 'ignore', 'inherit'] });
  // What a tree cannot hold, or only for root.
  const commands = ['mknod null c 1 3', 'mknod disk b 259 74565', 'mknod pipe p', 'ea_set file user.short value', 'ea_set file trusted.root only', 'ln file directory/link'];
  execFileSync('debugfs', ['-w', '-f', '-', path], { input: `${commands.join('\n')}\n`, stdio: ['pipe', 'ignore', 'ignore'] });
  execFileSync('debugfs', ['-w', '-R', 'sif file links_count 2', path], { stdio: 'ignore' });
  rmSync(contents, { recursive: true });
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

function fill(root: string): void {
  mkdirSync(join(root, 'directory', 'deeper'), { recursive: true });
  writeFileSync(join(root, 'file'), Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) & 0xff)));
  writeFileSync(join(root, 'empty'), '');
  writeFileSync(join(root, 'tiny'), 'a few bytes');
  symlinkSync('file', join(root, 'short-link'));
  symlinkSync('x/'.repeat(60), join(root, 'long-link'));
  const sparse = openSync(join(root, 'sparse'), 'w');
  writeSync(sparse, Buffer.alloc(8192, 1), 0, 8192, 1_000_000 - (1_000_000 % 4096));
  closeSync(sparse);
  truncateSync(join(root, 'sparse'), 5_000_000);
  for (let index = 0; index < 500; index++) writeFileSync(join(root, 'directory', `a file with number ${index}`), String(index));
}
