import { CorruptionError } from './errors.js';
import type { Inode } from './inode.js';
import { I_BLOCK, I_BLOCK_SIZE } from './layout/inode.js';
import type { Superblock } from './layout/superblock.js';
import * as layout from './layout/xattr.js';
import { NameIndex } from './layout/xattr.js';
import { EntryList } from './xattr/entries.js';
import { locateBodyEntries } from './xattr/inode-body.js';

/**
 * The two places in an inode where inline data lies: i_block, then the value of the attribute
 * `system.data`. Offsets are within the inode-table block that `bytes` and `view` are.
 */
export interface InlineRanges {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly headStart: number;
  readonly headEnd: number;
  /** Empty (tailStart is tailEnd) where i_block holds everything. */
  readonly tailStart: number;
  readonly tailEnd: number;
}

class Ranges implements InlineRanges {
  bytes = new Uint8Array(0) as Uint8Array;
  view = new DataView(new ArrayBuffer(0)) as DataView;
  headStart = 0;
  headEnd = 0;
  tailStart = 0;
  tailEnd = 0;
}

const DATA = new TextEncoder().encode('data');

/** Contents kept in the inode itself (feature inline_data), of files, directories and symbolic links. */
export class InlineData {
  readonly #superblock: Superblock;
  readonly #list = new EntryList();
  readonly #ranges = new Ranges();

  constructor(superblock: Superblock) {
    this.#superblock = superblock;
  }

  /**
   * @param inode one with the INLINE_DATA flag
   * @returns an object that the next call fills anew
   * @throws CorruptionError where `system.data` is missing or not in the inode
   */
  ranges(inode: Inode): InlineRanges {
    const list = this.#list;
    const ranges = this.#ranges;
    const entry = locateBodyEntries(inode, this.#superblock, list) ? list.find(NameIndex.SYSTEM, DATA, 0, DATA.length) : -1;
    if (entry < 0) throw new CorruptionError('inline data', { inode: inode.number }, 'the attribute system.data is missing');
    if (layout.valueInode(list.view, entry) !== 0) {
      throw new CorruptionError('inline data', { inode: inode.number }, 'the attribute system.data is not in the inode');
    }
    const size = layout.valueSize(list.view, entry);
    ranges.bytes = inode.bytes;
    ranges.view = inode.view;
    ranges.headStart = inode.offset + I_BLOCK;
    ranges.headEnd = ranges.headStart + I_BLOCK_SIZE;
    ranges.tailStart = size === 0 ? ranges.headEnd : list.valueStart(entry);
    ranges.tailEnd = ranges.tailStart + size;
    return ranges;
  }

  /**
   * Reads up to the end of the file; what the file's size promises beyond the inline space is zeros.
   *
   * @returns bytes filled in, 0 at or past the end
   */
  read(inode: Inode, offset: number, length: number, target: Uint8Array, targetOffset: number): number {
    const { bytes, headStart, tailStart, tailEnd } = this.ranges(inode);
    const end = Math.min(offset + length, inode.size);
    if (offset >= end) return 0;
    const capacity = I_BLOCK_SIZE + tailEnd - tailStart;

    let at = offset;
    if (at < I_BLOCK_SIZE) {
      const until = Math.min(end, I_BLOCK_SIZE);
      target.set(bytes.subarray(headStart + at, headStart + until), targetOffset);
      at = until;
    }
    if (at < end && at < capacity) {
      const until = Math.min(end, capacity);
      const shift = tailStart - I_BLOCK_SIZE;
      target.set(bytes.subarray(shift + at, shift + until), targetOffset + at - offset);
      at = until;
    }
    if (at < end) target.fill(0, targetOffset + at - offset, targetOffset + end - offset);
    return end - offset;
  }
}
