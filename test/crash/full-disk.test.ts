// time limit: 900 s
/** Filled to the last block and the last inode, emptied, and filled again. */
import t from 'tap';
import { errno, FilesystemError } from '../../server/ext4/errors.js';
import type { Inode } from '../../server/ext4/inode.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import type { InodeNumber } from '../../server/ext4/units.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { mebibyte, type ImageRecipe } from '../support/image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { scratchDirectory } from '../support/scratch.js';
import { complaintsAbout, imageBytes, openWritable } from './images.js';

t.setTimeout(600_000);

const recipes: Readonly<Record<string, ImageRecipe>> = {
  'ext4, 1 KiB blocks': { blockSize: 1024, size: 16 * mebibyte, arguments: ['-N', '2000'] },
  'ext4, 4 KiB blocks': { size: 32 * mebibyte, arguments: ['-N', '2000'] },
  ext3: { type: 'ext3', blockSize: 1024, size: 16 * mebibyte, arguments: ['-N', '2000'] },
  ext2: { type: 'ext2', blockSize: 1024, size: 8 * mebibyte, arguments: ['-N', '2000'] },
  bigalloc: { blockSize: 1024, features: ['bigalloc'], size: 16 * mebibyte, arguments: ['-C', '8192', '-N', '2000'] },
  'no journal, groups of 256 blocks': { blockSize: 1024, features: ['^has_journal', '^flex_bg', '^resize_inode'], size: 16 * mebibyte, arguments: ['-g', '256', '-N', '2000'] },
};

const nameOf = (text: string): { bytes: Uint8Array; offset: number; length: number } => ({ bytes: Buffer.from(text), offset: 0, length: text.length });
const data = new Uint8Array(64 << 10).fill(0x5a);

/** A directory in which everything happens, so that all of it can be taken away again. */
class Filling {
  readonly #writable: WritableFilesystem;
  readonly #directory: InodeNumber;
  readonly #files: { name: string; number: InodeNumber }[] = [];

  constructor(writable: WritableFilesystem) {
    this.#writable = writable;
    this.#directory = writable.change(() => this.#make(writable.filesystem.root, 'filling', FileType.DIRECTORY | 0o755));
  }

  get files(): number {
    return this.#files.length;
  }

  /** Large files, then ever smaller ones, until not one block is left. @returns bytes written */
  fill(privileged: boolean): number {
    const { blockSize } = this.#writable.filesystem.superblock;
    let bytes = 0;
    for (let room = true; room; ) {
      const number = this.createFile();
      if (number === undefined) break;
      let written = 0;
      for (let length = data.length; length >= blockSize; ) {
        if (this.#succeeds(() => this.#writable.contents.write(this.#inode(number), written, data, 0, length, privileged))) written += length;
        else length >>= 1;
      }
      bytes += written;
      room = written > 0;
    }
    return bytes;
  }

  createFile(): InodeNumber | undefined {
    const name = `file-${this.#files.length}`;
    let number: InodeNumber | undefined;
    if (!this.#succeeds(() => (number = this.#make(this.#inode(this.#directory), name, FileType.REGULAR | 0o644)))) return undefined;
    if (number !== undefined) this.#files.push({ name, number });
    return number;
  }

  removeAll(): void {
    const { namespace, reaper } = this.#writable;
    for (const { name } of this.#files.splice(0)) {
      this.#writable.change(() => reaper.reap(namespace.unlink(this.#inode(this.#directory), nameOf(name)).number));
    }
  }

  removeDirectory(): void {
    const { namespace, reaper, filesystem } = this.#writable;
    this.#writable.change(() => reaper.reap(namespace.rmdir(filesystem.root, nameOf('filling')).number));
  }

  #make(parent: Inode, name: string, mode: number): InodeNumber {
    return this.#writable.namespace.create(parent, nameOf(name), { mode, umask: 0, uid: 0, gid: 0, device: 0 }).number;
  }

  #inode(number: InodeNumber): Inode {
    return this.#writable.filesystem.inode(number);
  }

  /** @returns false for ENOSPC; nothing else may happen */
  #succeeds(operation: () => void): boolean {
    const { totals } = this.#writable.counters;
    const before = totals.freeClusters;
    try {
      this.#writable.change(operation);
      return true;
    } catch (error) {
      if (!(error instanceof FilesystemError) || error.errno !== errno.ENOSPC) throw error;
      if (totals.freeClusters !== before) throw new Error(`an operation without room kept ${before - totals.freeClusters} clusters`, { cause: error });
      return false;
    } finally {
      this.#writable.filesystem.trim();
    }
  }
}

for (const [name, recipe] of Object.entries(recipes)) {
  t.test(name, async (t) => {
    const directory = scratchDirectory(t, 'fuse4fs-full');
    const bytes = await imageBytes(directory, recipe);
    const writable = openWritable(new MemoryDevice(bytes));
    const { superblock } = writable.filesystem;
    const { totals } = writable.counters;
    const reserved = Math.ceil((superblock.reservedBlocksCount * superblock.blockSize) / superblock.clusterSize);
    const atFirst = { ...totals };
    const filling = new Filling(writable);

    const asUser = filling.fill(false);
    t.ok(totals.freeClusters <= reserved, `a user leaves ${reserved} reserved clusters at most: ${totals.freeClusters}`);
    t.ok(totals.freeClusters > reserved - 20, 'and those are left');
    filling.fill(true);
    t.equal(totals.freeClusters, 0, 'root takes the last one');
    writable.commit();
    t.equal(await complaintsAbout(directory, await snapshot(writable, bytes)), undefined, 'e2fsck while it is full');

    filling.removeAll();
    t.equal(filling.fill(false), asUser, 'the same amount fits again');
    filling.removeAll();
    while (filling.createFile() !== undefined) continue;
    t.equal(totals.freeInodes, 0, 'as many files as there are inodes');
    const files = filling.files;
    filling.removeAll();
    while (filling.createFile() !== undefined) continue;
    t.equal(filling.files, files, 'and as many again');
    filling.removeAll();
    filling.removeDirectory();
    t.strictSame({ ...totals }, atFirst, 'nothing is lost in the end');
    writable.close();
    t.equal(await complaintsAbout(directory, bytes), undefined, 'e2fsck at the end');
  });
}

/** The device as another unmount would leave it, without unmounting. */
function snapshot({ transactions }: WritableFilesystem, bytes: Uint8Array): Promise<Uint8Array> {
  transactions.checkpoint();
  const copy = bytes.slice();
  openWritable(new MemoryDevice(copy)).close();
  return Promise.resolve(copy);
}
