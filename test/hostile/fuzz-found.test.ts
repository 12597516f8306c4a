/** What the fuzzer found, each pinned by the damage alone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CorruptionError } from '../../server/ext4/errors.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import type { Inode } from '../../server/ext4/inode.js';
import { inodeNumber, ROOT_INODE } from '../../server/ext4/units.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { debugfs, e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { missing } from '../support/machine.js';
import { MemoryDevice } from '../support/memory-device.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = missing('mke2fs', 'debugfs');

t.test('a journal inode of petabytes was mapped block by block', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'found'), { blockSize: 1024, size: 14 * mebibyte });
  await debugfs(image, ['jo -c', 'jw -b 300 /dev/zero', 'jc', 'sif <8> size 2260595907756032'], true);
  t.throws(() => Filesystem.open(MemoryDevice.of(image, true)), CorruptionError, 'it is refused for its size');
});

t.test('a write past the room of an inline file went into the inodes behind it', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'found');
  const contents = join(directory, 'contents');
  mkdirSync(contents);
  for (let file = 0; file < 8; file++) writeFileSync(join(contents, `file-${file}`), `contents of ${file}`);
  const path = await makeImage(directory, { features: ['inline_data'], size: 14 * mebibyte, from: contents });
  await debugfs(path, ['sif file-0 size 3000'], true);
  const device = MemoryDevice.of(path);
  const writable = WritableFilesystem.open(device, { barriers: false, mountPoint: '/test', discard: false });
  const inodeOf = (name: string): Inode => {
    const { directories } = writable.filesystem;
    return writable.filesystem.inode(inodeNumber(directories.lookup(writable.filesystem.inode(ROOT_INODE), Buffer.from(name), 0, name.length)));
  };
  const data = Buffer.alloc(500, 'x');
  writable.change(() => writable.contents.write(inodeOf('file-0'), 400, data, 0, data.length, false));

  const read = (name: string): string => {
    const target = new Uint8Array(4000);
    return Buffer.from(target.subarray(0, writable.contents.read(inodeOf(name), 0, target.length, target, 0))).toString();
  };
  t.equal(read('file-0'), 'contents of 0'.padEnd(400, '\0').concat('x'.repeat(500)).padEnd(3000, '\0'), 'it is where it was asked for');
  for (let file = 1; file < 8; file++) t.equal(read(`file-${file}`), `contents of ${file}`, 'the others are as they were');
  writable.close();
  writeFileSync(path, device.bytes);
  t.equal(await e2fsckComplaints(path), undefined, 'e2fsck has no complaints');
});
