import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from './command.js';

export interface ImageRecipe {
  /** ext2, ext3 or ext4: which of mke2fs' sets of features to start from. */
  readonly type?: 'ext2' | 'ext3' | 'ext4';
  /** As for mke2fs -O: features to add, or with "^" to leave out. */
  readonly features?: readonly string[];
  readonly blockSize?: number;
  /** In bytes; the file is sparse. */
  readonly size?: number;
  /** As for mke2fs -E. */
  readonly extended?: readonly string[];
  /** Anything else for mke2fs, for example ['-I', '128']. */
  readonly arguments?: readonly string[];
  /** Contents, taken from this directory by mke2fs -d. */
  readonly from?: string;
}

export const mebibyte = 1 << 20;

/** Makes the image `name` in `directory`. UUID and hash seed are fixed: the same recipe gives the same image. */
export async function makeImage(directory: string, recipe: ImageRecipe = {}, name = 'image'): Promise<string> {
  const path = join(directory, `${name}.img`);
  const { type = 'ext4', features = [], extended = [], blockSize = 4096, size = 192 * mebibyte, from } = recipe;
  const descriptor = openSync(path, 'wx');
  ftruncateSync(descriptor, size);
  closeSync(descriptor);
  const extendedOptions = ['hash_seed=1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f1', 'lazy_itable_init=1', ...extended];
  const args = ['-q', '-F', '-t', type, '-U', '01234567-89ab-4cde-8f01-23456789abcd', '-b', String(blockSize), '-E', extendedOptions.join(',')];
  if (features.length > 0) args.push('-O', features.join(','));
  if (from !== undefined) args.push('-d', from);
  await run('mke2fs', [...args, ...(recipe.arguments ?? []), path]);
  return path;
}

/** Lines of debugfs commands, run one after another; `write` opens the image for writing. */
export async function debugfs(image: string, commands: readonly string[], write = false): Promise<string> {
  const options = write ? ['-w', '-f', '-', image] : ['-f', '-', image];
  const { status, stdout, stderr } = await attempt('debugfs', options, { input: `${commands.join('\n')}\n` });
  if (status !== 0) throw new Error(`debugfs ${image}: status ${String(status)}\n${stderr}`);
  return stdout.toString('latin1');
}

/** What e2fsck has to say against the image, or nothing. */
export async function e2fsckComplaints(image: string, ...extraOptions: string[]): Promise<string | undefined> {
  const { status, stdout, stderr } = await attempt('e2fsck', ['-f', '-n', ...extraOptions, image]);
  return status === 0 ? undefined : `e2fsck status ${String(status)}\n${stdout.toString()}${stderr}`;
}
