import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import type { DataMode } from '../../server/ext4/journalled-data.js';
import type { BlockDevice } from '../../server/device/block-device.js';
import type { JobRunner } from '../../server/device/device-job.js';
import { e2fsckComplaints, makeImage, mebibyte, type ImageRecipe } from '../support/image.js';

export interface ImageKind {
  readonly name: string;
  readonly recipe: ImageRecipe;
}

const small = 24 * mebibyte;

/** What differs in how space and names are kept. */
export const imageKinds: readonly ImageKind[] = [
  { name: 'ext2, 1 KiB blocks', recipe: { type: 'ext2', blockSize: 1024, size: small } },
  { name: 'ext3, 1 KiB blocks', recipe: { type: 'ext3', blockSize: 1024, size: small } },
  { name: 'ext4, 1 KiB blocks', recipe: { blockSize: 1024, size: small } },
  { name: 'ext4, 4 KiB blocks', recipe: { size: 48 * mebibyte } },
  { name: 'ext4, 64 KiB blocks', recipe: { blockSize: 65536, size: 256 * mebibyte } },
  { name: 'bigalloc, 4 KiB clusters of 1 KiB', recipe: { blockSize: 1024, features: ['bigalloc'], arguments: ['-C', '4096'], size: small } },
  { name: 'bigalloc, 64 KiB clusters of 4 KiB', recipe: { features: ['bigalloc'], arguments: ['-C', '65536'], size: 64 * mebibyte } },
  { name: 'groups of 256 blocks', recipe: { blockSize: 1024, features: ['^flex_bg', '^resize_inode'], arguments: ['-g', '256', '-J', 'size=1'], size: small } },
  { name: 'no journal', recipe: { blockSize: 1024, features: ['^has_journal'], size: small } },
  { name: 'the smallest journal', recipe: { blockSize: 1024, arguments: ['-J', 'size=1'], size: small } },
  { name: 'no checksums, inodes of 128 bytes', recipe: { blockSize: 1024, features: ['^metadata_csum', '^uninit_bg'], arguments: ['-I', '128'], size: small } },
  { name: 'orphan_file', recipe: { blockSize: 1024, features: ['orphan_file'], size: small } },
  { name: 'nearly full', recipe: { blockSize: 1024, features: ['^resize_inode'], arguments: ['-N', '128', '-J', 'size=1'], size: 4 * mebibyte } },
  { name: 'nearly full, bigalloc', recipe: { blockSize: 1024, features: ['bigalloc'], arguments: ['-C', '8192', '-N', '128', '-J', 'size=1'], size: 6 * mebibyte } },
  { name: 'nearly full, ext2', recipe: { type: 'ext2', blockSize: 1024, arguments: ['-N', '128'], size: 2 * mebibyte } },
];

/** A new image's bytes. */
export async function imageBytes(directory: string, recipe: ImageRecipe): Promise<Uint8Array> {
  const path = await makeImage(directory, recipe, `made-${process.hrtime.bigint().toString()}`);
  const bytes = new Uint8Array(readFileSync(path));
  rmSync(path);
  return bytes;
}

let kept = 0;

/** Shows bytes to e2fsck. @returns its complaints, and where the image was kept for a look then */
export async function complaintsAbout(directory: string, bytes: Uint8Array): Promise<string | undefined> {
  const path = join(directory, `checked-${kept++}.img`);
  writeFileSync(path, bytes);
  const complaints = await e2fsckComplaints(path);
  if (complaints === undefined) rmSync(path);
  return complaints === undefined ? undefined : `${path}: ${complaints}`;
}

/** @param cacheBytes so little that blocks are evicted all the time */
export const openWritable = (device: BlockDevice, cacheBytes = 1 << 18, data: DataMode = 'ordered', jobs?: JobRunner): WritableFilesystem =>
  WritableFilesystem.open(device, { barriers: true, mountPoint: '/test', discard: true, cacheBytes, data, ...(jobs && { jobs }) });
