import type { BlockCache } from '../cache/block-cache.js';
import type { InodeCache } from '../cache/inode-cache.js';
import { CorruptionError } from '../errors.js';
import type { Inode } from '../inode.js';
import { Times } from '../layout/inode.js';
import type { Superblock } from '../layout/superblock.js';
import * as layout from '../layout/xattr.js';
import type { FileMapping } from '../mapping/file-mapping.js';
import { MappedRange, RangeState } from '../mapping/mapping.js';
import { inodeNumber, logicalBlock, physicalBlock } from '../units.js';
import { bodyHeader, hasBodyRoom } from './inode-body.js';
import type { EntryList } from './entries.js';

export interface ValueInodesParts {
  readonly superblock: Superblock;
  readonly cache: BlockCache;
  readonly inodes: InodeCache;
  readonly mapping: FileMapping;
}

/** Values in inodes of their own (feature ea_inode): how they are found, checked and read. */
export class ValueInodes {
  readonly #superblock: Superblock;
  readonly #cache: BlockCache;
  readonly #inodes: InodeCache;
  readonly #mapping: FileMapping;
  readonly #range = new MappedRange();

  constructor({ superblock, cache, inodes, mapping }: ValueInodesParts) {
    this.#superblock = superblock;
    this.#cache = cache;
    this.#inodes = inodes;
    this.#mapping = mapping;
  }

  /**
   * Copies the whole value of `entry` to target[targetOffset…]; the caller made sure that it fits.
   *
   * @param owner the inode whose attribute it is
   * @throws CorruptionError where the inode is not one that holds this value
   */
  read(owner: Inode, list: EntryList, entry: number, target: Uint8Array, targetOffset: number): void {
    const holder = this.#holder(owner, list, entry);
    const size = layout.valueSize(list.view, entry);
    this.readBlocks(holder, size, target, targetOffset);
    if (!isLustreHolder(holder, owner, layout.entryHash(list.view, entry))) {
      this.#verifyHashes(holder, list, entry, target, targetOffset, size);
    }
  }

  #holder(owner: Inode, list: EntryList, entry: number): Inode {
    const holder = this.holder(owner, layout.valueInode(list.view, entry));
    const size = layout.valueSize(list.view, entry);
    if (holder.size !== size) {
      throw new CorruptionError('extended attribute', { inode: owner.number, offset: entry }, `inode ${holder.number} has ${holder.size} bytes where a value has ${size}`);
    }
    return holder;
  }

  /** @throws CorruptionError where the inode is not one that holds values for others */
  holder(owner: Inode, value: number): Inode {
    const number = inodeNumber(value);
    const check = (holds: boolean, detail: string): void => {
      if (!holds) throw new CorruptionError('extended attribute', { inode: owner.number }, detail);
    };
    check(number !== owner.number, 'a value is said to be in the inode that it describes');
    const holder = this.#inodes.get(number);
    check(holder.hasFlag('EA_INODE') && holder.isRegular, `inode ${number} does not hold a value`);
    check(!holder.hasFlag('INLINE_DATA'), `inode ${number} keeps its value as inline data`);
    check(!this.#hasAttributes(holder), `inode ${number} holds a value and has attributes itself`);
    return holder;
  }

  #hasAttributes(holder: Inode): boolean {
    if (holder.xattrBlock !== 0) return true;
    return hasBodyRoom(holder, this.#superblock) && layout.magic(holder.view, bodyHeader(holder)) === layout.XATTR_MAGIC;
  }

  /** Through the block cache: what is written to a value is metadata. */
  readBlocks(holder: Inode, size: number, target: Uint8Array, targetOffset: number): void {
    const { blockSize } = this.#superblock;
    for (let at = 0; at < size; at += blockSize) {
      const range = this.#range;
      this.#mapping.map(holder, logicalBlock(at / blockSize), range);
      if (range.state !== RangeState.Written) {
        throw new CorruptionError('extended attribute', { inode: holder.number, offset: at }, 'the value has a hole');
      }
      const { bytes } = this.#cache.get(physicalBlock(range.physical));
      const count = Math.min(blockSize, size - at);
      target.set(count === blockSize ? bytes : bytes.subarray(0, count), targetOffset + at);
    }
  }

  #verifyHashes(holder: Inode, list: EntryList, entry: number, target: Uint8Array, targetOffset: number, size: number): void {
    const checksum = layout.valueChecksum(this.#superblock.checksumSeed, target, targetOffset, size);
    const place = { inode: holder.number, block: holder.block.number };
    if (checksum !== storedChecksum(holder)) {
      throw new CorruptionError('extended attribute', place, `the value's checksum is ${storedChecksum(holder).toString(16)}, the contents give ${checksum.toString(16)}`);
    }
    const stored = layout.entryHash(list.view, entry);
    if (entryHashOf(list, entry, checksum, 'unsigned') !== stored && entryHashOf(list, entry, checksum, 'signed') !== stored) {
      throw new CorruptionError('extended attribute', place, `an entry's hash ${stored.toString(16)} does not belong to the value in the inode`);
    }
  }
}

function entryHashOf(list: EntryList, entry: number, checksum: number, sign: layout.CharSign): number {
  const name = layout.hashName(list.bytes, layout.entryName(entry), layout.entryNameLength(list.view, entry), sign);
  return layout.hashWord(name, checksum);
}

/** i_atime of an inode that holds a value is the value's checksum. */
export const storedChecksum = (holder: Inode): number => holder.seconds(Times.access) >>> 0;

/** Lustre's older form has no checksum, but points back at its only owner with i_mtime and i_generation. */
export const isLustreHolder = (holder: Inode, owner: Inode, hash: number): boolean =>
  hash !== storedChecksum(holder) &&
  holder.seconds(Times.modification) >>> 0 === owner.number &&
  holder.generation === owner.generation;
