/** Sound images of a few megabytes, one for each family of on-disk structures, made without mounting anything. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from '../support/command.js';
import { fillTree } from '../support/fill.js';
import { debugfs, e2fsckComplaints, makeImage, mebibyte, type ImageRecipe } from '../support/image.js';

export interface FuzzBase {
  readonly name: string;
  readonly path: string;
}

interface Recipe extends ImageRecipe {
  readonly name: string;
  /** debugfs commands that leave the image as a crash would. */
  readonly crash?: readonly string[];
}

const small = { blockSize: 1024, size: 14 * mebibyte } as const;

const recipes: readonly Recipe[] = [
  { ...small, name: 'ext4' },
  { ...small, name: 'inline', features: ['inline_data', 'ea_inode', 'metadata_csum_seed'] },
  { ...small, name: 'plain', features: ['^metadata_csum', '^uninit_bg', 'inline_data'] },
  { ...small, name: 'ext2', type: 'ext2' },
  { ...small, name: 'small-inodes', features: ['^metadata_csum', 'uninit_bg', '^64bit'], arguments: ['-I', '128'] },
  { ...small, name: 'bigalloc', features: ['bigalloc', 'orphan_file', 'quota'], arguments: ['-C', '4096'] },
  { ...small, name: 'meta_bg', features: ['meta_bg', '^resize_inode', '^flex_bg', 'large_dir'], arguments: ['-g', '2048'] },
  { blockSize: 4096, size: 24 * mebibyte, name: 'ext4-4k' },
  // A transaction in the log, with revoked blocks, that a mount has to recover.
  { ...small, name: 'journal-v3', crash: ['jo -c', 'jw -b 300,301,302,400 /dev/zero', 'jw -r 301', 'jc'] },
  { ...small, name: 'journal-v1', type: 'ext3', crash: ['jo', 'jw -b 300,301,302,400 /dev/zero', 'jw -r 301', 'jc'] },
];

/** What fill.c makes, taken in by mke2fs -d; what the directory's own filesystem cannot hold is not in it. */
async function makeContents(directory: string): Promise<string> {
  const contents = mkdtempSync(join(directory, 'contents-'));
  await fillTree(contents, { entries: 600, extents: 400, plain: true });
  // mke2fs runs as whoever runs the test, and has to read it all.
  await run('chmod', ['-R', 'u+rwX', contents]);
  return contents;
}

async function makeBase(directory: string, contents: string, { name, crash, ...recipe }: Recipe): Promise<FuzzBase> {
  const path = await makeImage(directory, { ...recipe, from: contents }, name);
  // mke2fs -d makes no index: e2fsck -D gives large directories one.
  await attempt('e2fsck', ['-f', '-y', '-D', path]);
  const complaints = await e2fsckComplaints(path);
  if (complaints !== undefined) throw new Error(`the image ${name} is not sound: ${complaints}`);
  if (crash) await debugfs(path, crash, true);
  return { name, path };
}

export async function makeFuzzBases(directory: string): Promise<readonly FuzzBase[]> {
  mkdirSync(directory, { recursive: true });
  const contents = await makeContents(directory);
  try {
    const bases: FuzzBase[] = [];
    for (const recipe of recipes) bases.push(await makeBase(directory, contents, recipe));
    return bases;
  } finally {
    rmSync(contents, { recursive: true, force: true });
  }
}
