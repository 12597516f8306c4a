/** Which filesystems the kernel is offered to move the data of, and what `iomap=on` says of the others. */
import { closeSync, openSync, readSync } from 'node:fs';
import t, { type Test } from 'tap';
import { parseSuperblock, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, type Superblock } from '../../server/ext4/layout/superblock.js';
import { offerKernelData } from '../../server/operations/iomap/offer.js';
import type { KernelData } from '../../server/operations/iomap/kernel-data.js';
import { parseServerOptions } from '../../server/operations/options.js';
import type { FilesystemSource, IomapChannel } from '../../server/session/filesystem.js';
import { makeImage, mebibyte, type ImageRecipe } from '../support/image.js';
import { missing } from '../support/machine.js';
import { MemoryDevice } from '../support/memory-device.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = missing('mke2fs');

const channel: IomapChannel = { writesUntorn: () => false, openBacking: () => 1, setBlockSize: () => 0, avoidRecursion: () => undefined, notify: () => 0 };

interface Situation {
  readonly recipe?: ImageRecipe;
  readonly source?: Partial<FilesystemSource>;
  readonly words?: readonly string[];
  readonly recoversInMemory?: boolean;
}

async function superblockOf(t: Test, recipe: ImageRecipe): Promise<Superblock> {
  const descriptor = openSync(await makeImage(scratchDirectory(t, 'offer'), { size: 32 * mebibyte, ...recipe }), 'r');
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  readSync(descriptor, bytes, 0, SUPERBLOCK_SIZE, SUPERBLOCK_OFFSET);
  closeSync(descriptor);
  return parseSuperblock(bytes, SUPERBLOCK_OFFSET);
}

async function offering(t: Test, { recipe = {}, source = {}, words = [], recoversInMemory = false }: Situation) {
  const stored = await superblockOf(t, recipe);
  const device: FilesystemSource = {
    descriptor: 7, name: '/dev/none', target: '/nowhere', kind: 'block device', size: 32 * mebibyte, offset: 0, sizeLimit: 0, sectorSize: 512, writable: true, options: [], iomap: channel, ...source,
  };
  const offer = (wish: string): KernelData | undefined =>
    offerKernelData(device, new MemoryDevice(new Uint8Array(0)), stored, parseServerOptions([...words, `iomap=${wish}`]), recoversInMemory);
  return { offer };
}

for (const blockSize of [1024, 2048, 4096])
  t.test(`blocks of ${blockSize} bytes`, { skip }, async (t) => {
    const { offer } = await offering(t, { recipe: { blockSize } });
    for (const wish of ['auto', 'on']) t.equal(offer(wish)?.blockSize, blockSize);
    t.equal(offer('off'), undefined);
  });

const obstacles: Readonly<Record<string, { readonly situation: Situation; readonly said: RegExp }>> = {
  'blocks that are larger than a page': { situation: { recipe: { blockSize: 8192 } }, said: /blocks of 8192 bytes are larger than a page/ },
  'the largest blocks': { situation: { recipe: { blockSize: 65536, size: 128 * mebibyte } }, said: /blocks of 65536 bytes are larger than a page/ },
  'an image file': { situation: { source: { kind: 'image file' } }, said: /an image file is no block device/ },
  'a filesystem between blocks of the device': { situation: { source: { offset: 2048 } }, said: /does not begin at a multiple of its blocks/ },
  'a journal that is not written': { situation: { recoversInMemory: true }, said: /recovered in memory only/ },
  'data in the journal': { situation: { words: ['data=journal'] }, said: /all data is journalled/ },
};

for (const [what, { situation, said }] of Object.entries(obstacles))
  t.test(what, { skip }, async (t) => {
    const { offer } = await offering(t, situation);
    t.equal(offer('auto'), undefined, 'its data goes through the server');
    t.throws(() => offer('on'), { message: said });
    t.equal(offer('off'), undefined);
  });
