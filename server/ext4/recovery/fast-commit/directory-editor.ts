import { AllocatedRun, type BlockSpace } from '../../allocation/block-space.js';
import { Verified, type BlockCache, type CachedBlock } from '../../cache/block-cache.js';
import { CorruptionError, UnsupportedError } from '../../errors.js';
import type { Inode } from '../../inode.js';
import type { InodeEditor } from '../../inode-editor.js';
import type { Transactions } from '../../journal/transactions.js';
import * as layout from '../../layout/directory-entry.js';
import type { Superblock } from '../../layout/superblock.js';
import type { ExtentEditor } from '../../mapping/extent-editor.js';
import type { FileMapping } from '../../mapping/file-mapping.js';
import { MappedRange, RangeState } from '../../mapping/mapping.js';
import { logicalBlock, physicalBlock, type InodeNumber } from '../../units.js';

/** A directory beyond this, which has millions of names, would fill the memory as it is searched. */
const MOST_BLOCKS = 1 << 14;

/** An entry within a directory block. */
interface FoundEntry {
  readonly block: CachedBlock;
  readonly offset: number;
  /** The entry before it in its block; null for the first. */
  readonly previous: number | null;
}

/**
 * Adds and removes names in directories for the replay of fast commits. It works on directories as
 * plain lists of blocks: one that has an index loses it when a name is added, which costs only speed.
 */
export class ReplayedDirectories {
  readonly #superblock: Superblock;
  readonly #cache: BlockCache;
  readonly #mapping: FileMapping;
  readonly #transactions: Transactions;
  readonly #inodes: InodeEditor;
  readonly #extents: ExtentEditor;
  readonly #space: BlockSpace;
  readonly #range = new MappedRange();
  readonly #run = new AllocatedRun();
  readonly #checksums: boolean;
  /** Where entries end: the checksum comes after them. */
  readonly #end: number;

  constructor(
    superblock: Superblock,
    cache: BlockCache,
    mapping: FileMapping,
    transactions: Transactions,
    inodes: InodeEditor,
    extents: ExtentEditor,
    space: BlockSpace,
  ) {
    this.#superblock = superblock;
    this.#cache = cache;
    this.#mapping = mapping;
    this.#transactions = transactions;
    this.#inodes = inodes;
    this.#extents = extents;
    this.#space = space;
    this.#checksums = superblock.features.hasRoCompat('METADATA_CSUM');
    this.#end = superblock.blockSize - (this.#checksums ? layout.TAIL_SIZE : 0);
  }

  /** Gives a new directory its first block, with "." and "..". */
  initialise(dir: Inode, parent: InodeNumber): void {
    const { view } = this.#append(dir, 0);
    this.#write(view, 0, layout.MIN_ENTRY_SIZE, dir.number, DOT, layout.EntryType.DIRECTORY);
    this.#write(view, layout.MIN_ENTRY_SIZE, this.#end - layout.MIN_ENTRY_SIZE, parent, DOT_DOT, layout.EntryType.DIRECTORY);
    this.#inodes.setSize(dir, this.#superblock.blockSize);
  }

  /** The inode that the name stands for; 0 where there is no such name. */
  lookup(dir: Inode, name: Uint8Array): number {
    const found = this.#find(dir, name);
    return found === null ? 0 : layout.entryInode(found.block.view, found.offset);
  }

  /** Adds a name that is not there yet. */
  add(dir: Inode, name: Uint8Array, inode: InodeNumber, type: number): void {
    if (dir.hasFlag('INDEX')) this.#dropIndex(dir);
    const needed = layout.entrySize(name.length, false);
    for (const block of this.#blocks(dir)) {
      for (const { offset } of this.#entries(dir, block)) {
        const length = layout.recordLength(block.view, offset, this.#superblock.blockSize);
        const used = layout.entryInode(block.view, offset) === 0 ? 0 : layout.entrySize(layout.nameLength(block.view, offset), false);
        if (length - used < needed) continue;
        this.#modify(dir, block);
        if (used > 0) this.#setRecordLength(block.view, offset, used);
        this.#write(block.view, offset + used, length - used, inode, name, type);
        return;
      }
    }
    const { view } = this.#append(dir, dir.size / this.#superblock.blockSize);
    this.#write(view, 0, this.#end, inode, name, type);
    this.#inodes.setSize(dir, dir.size + this.#superblock.blockSize);
    this.#inodes.addBlocks(dir, this.#run.length);
  }

  /** Removes a name if it is there and stands for this inode. @returns whether it was and did */
  remove(dir: Inode, name: Uint8Array, inode: InodeNumber): boolean {
    const found = this.#find(dir, name);
    if (found === null || layout.entryInode(found.block.view, found.offset) !== inode) return false;
    const { block, offset, previous } = found;
    this.#modify(dir, block);
    if (previous === null) {
      block.view.setUint32(offset, 0, true);
    } else {
      const { blockSize } = this.#superblock;
      const joined = layout.recordLength(block.view, previous, blockSize) + layout.recordLength(block.view, offset, blockSize);
      this.#setRecordLength(block.view, previous, joined);
    }
    return true;
  }

  /** Names in it that stand for directories, beside "." and "..". @param isDirectory asked where entries have no type */
  countSubdirectories(dir: Inode, isDirectory: (inode: number) => boolean): number {
    const hasTypes = this.#superblock.features.hasIncompat('FILETYPE');
    let count = 0;
    for (const { bytes, view, offset } of this.#names(dir)) {
      if (layout.isDotName(bytes, layout.nameStart(offset), layout.nameLength(view, offset))) continue;
      const isSubdirectory = hasTypes ? layout.fileType(view, offset) === layout.EntryType.DIRECTORY : isDirectory(layout.entryInode(view, offset));
      if (isSubdirectory) count++;
    }
    return count;
  }

  *#names(dir: Inode): Generator<{ readonly bytes: Uint8Array; readonly view: DataView; readonly offset: number }> {
    for (const block of this.#blocks(dir)) {
      for (const { offset } of this.#entries(dir, block)) {
        if (layout.entryInode(block.view, offset) !== 0) yield { bytes: block.bytes, view: block.view, offset };
      }
    }
  }

  #find(dir: Inode, name: Uint8Array): FoundEntry | null {
    for (const block of this.#blocks(dir)) {
      for (const { offset, previous } of this.#entries(dir, block)) {
        if (layout.entryInode(block.view, offset) === 0 || layout.nameLength(block.view, offset) !== name.length) continue;
        const start = layout.nameStart(offset);
        if (name.every((byte, index) => block.bytes[start + index] === byte)) return { block, offset, previous };
      }
    }
    return null;
  }

  *#blocks(dir: Inode): Generator<CachedBlock> {
    if (!dir.isDirectory) throw new CorruptionError('inode', { inode: dir.number }, 'a fast commit takes it for a directory');
    if (dir.hasFlag('INLINE_DATA')) throw new UnsupportedError(`directory ${dir.number} keeps its entries in the inode`);
    if (dir.hasFlag('ENCRYPT')) throw new UnsupportedError(`directory ${dir.number} is encrypted`);
    const count = Math.floor(dir.size / this.#superblock.blockSize);
    if (count > MOST_BLOCKS) throw new UnsupportedError(`directory ${dir.number} has ${count} blocks`);
    for (let at = 0; at < count; at++) {
      this.#mapping.map(dir, logicalBlock(at), this.#range);
      if (this.#range.state === RangeState.Written) yield this.#cache.get(this.#range.physical);
      else at += this.#range.length - 1;
    }
  }

  *#entries(dir: Inode, block: CachedBlock): Generator<{ readonly offset: number; readonly previous: number | null }> {
    if (dir.hasFlag('INDEX') && (this.#isIndexNode(block) || this.#isIndexRoot(block))) return;
    let previous: number | null = null;
    for (let offset = 0; offset < this.#end; ) {
      const length = layout.recordLength(block.view, offset, this.#superblock.blockSize);
      const needed = layout.entrySize(layout.nameLength(block.view, offset), false);
      if (length < needed || length % 4 !== 0 || offset + length > this.#end) {
        throw new CorruptionError('directory block', { inode: dir.number, block: block.number, offset }, `entry of ${length} bytes`);
      }
      yield { offset, previous };
      previous = offset;
      offset += length;
    }
  }

  /** A node of the index, but not its root, shows as one unused entry over the whole block. */
  #isIndexNode({ view }: CachedBlock): boolean {
    const { blockSize } = this.#superblock;
    return layout.entryInode(view, 0) === 0 && layout.recordLength(view, 0, blockSize) === blockSize;
  }

  /** The root shows as a block in which ".." takes all that "." leaves, also the room of the checksum. */
  #isIndexRoot({ bytes, view }: CachedBlock): boolean {
    const { blockSize } = this.#superblock;
    const startsWithDot = layout.nameLength(view, 0) === 1 && layout.isDotName(bytes, layout.nameStart(0), 1);
    return startsWithDot && layout.recordLength(view, layout.MIN_ENTRY_SIZE, blockSize) === blockSize - layout.MIN_ENTRY_SIZE;
  }

  /** Makes what was index into directory blocks with nothing in them, beside "." and "..". */
  #dropIndex(dir: Inode): void {
    for (const block of this.#blocks(dir)) {
      if (this.#isIndexRoot(block)) this.#empty(dir, block, layout.MIN_ENTRY_SIZE, 2 * layout.MIN_ENTRY_SIZE);
      else if (this.#isIndexNode(block)) this.#empty(dir, block, 0, layout.ENTRY_HEADER_SIZE);
    }
    this.#inodes.setFlag(dir, 'INDEX', false);
  }

  /** @param last the entry that takes the rest of the block, of which nothing remains from `cleared` on */
  #empty(dir: Inode, block: CachedBlock, last: number, cleared: number): void {
    this.#modify(dir, block);
    block.bytes.fill(0, cleared);
    this.#setRecordLength(block.view, last, this.#end - last);
    this.#writeTail(block.view);
  }

  #append(dir: Inode, logical: number): CachedBlock {
    if (!dir.hasFlag('EXTENTS')) throw new UnsupportedError(`directory ${dir.number} has a block map and must grow`);
    this.#space.allocate({ inode: dir.number, goal: physicalBlock(0), length: 1, privileged: true, streaming: false }, this.#run);
    this.#extents.insert(dir, logicalBlock(logical), 1, this.#run.start, false);
    const block = this.#transactions.create(this.#run.start, Verified.DirectoryLeaf, dir.checksumSeed, dir.number);
    this.#writeTail(block.view);
    return block;
  }

  #modify(dir: Inode, block: CachedBlock): void {
    this.#transactions.modify(block, Verified.DirectoryLeaf, dir.checksumSeed);
  }

  #write(view: DataView, offset: number, length: number, inode: InodeNumber, name: Uint8Array, type: number): void {
    view.setUint32(offset, inode, true);
    this.#setRecordLength(view, offset, length);
    view.setUint8(offset + 6, name.length);
    view.setUint8(offset + 7, this.#superblock.features.hasIncompat('FILETYPE') ? type : 0);
    name.forEach((byte, index) => view.setUint8(layout.nameStart(offset) + index, byte));
  }

  #setRecordLength(view: DataView, offset: number, length: number): void {
    // 64 KiB do not fit into the field; 65535 stands for them.
    view.setUint16(offset + 4, Math.min(length, 0xffff), true);
  }

  #writeTail(view: DataView): void {
    if (!this.#checksums) return;
    view.setUint32(this.#end, 0, true);
    view.setUint16(this.#end + 4, layout.TAIL_SIZE, true);
    view.setUint16(this.#end + 6, 0xde00, true);
  }
}

const DOT = Uint8Array.of(0x2e);
const DOT_DOT = Uint8Array.of(0x2e, 0x2e);

/** Seals a directory block before it leaves the cache. */
export function sealDirectoryBlock(block: CachedBlock): void {
  const tail = block.bytes.length - layout.TAIL_SIZE;
  block.view.setUint32(tail + layout.TAIL_SIZE - 4, layout.computeChecksum(block.checksumSeed, block.bytes, tail), true);
}
