import type { BlockCache } from '../../cache/block-cache.js';
import { CorruptionError, FilesystemError, UnsupportedError } from '../../errors.js';
import type { Geometry } from '../../geometry.js';
import type { Groups } from '../../groups.js';
import { Inode } from '../../inode.js';
import type { InodeEditor } from '../../inode-editor.js';
import * as extent from '../../layout/extent.js';
import * as layout from '../../layout/inode.js';
import { FileType, I_BLOCK, I_BLOCK_SIZE, InodeFlags } from '../../layout/inode.js';
import type { Superblock } from '../../layout/superblock.js';
import { inodeNumber, physicalBlock, type InodeNumber } from '../../units.js';

/** i_generation is the first field after i_block. */
const AFTER_I_BLOCK = I_BLOCK + I_BLOCK_SIZE;

/** Puts inodes of fast commits in place. */
export class ReplayedInodes {
  readonly #superblock: Superblock;
  readonly #geometry: Geometry;
  readonly #groups: Groups;
  readonly #cache: BlockCache;
  readonly #editor: InodeEditor;

  constructor(superblock: Superblock, geometry: Geometry, groups: Groups, cache: BlockCache, editor: InodeEditor) {
    this.#superblock = superblock;
    this.#geometry = geometry;
    this.#groups = groups;
    this.#cache = cache;
    this.#editor = editor;
  }

  /**
   * Makes the inode what the fast commit says, except for where its blocks are: ranges that follow say
   * that, beginning from what the inode had if it is still the same file.
   * @param accounted nothing that it had may get lost
   */
  put(number: number, raw: Uint8Array, accounted: boolean): void {
    const inode = this.#locate(number);
    const fresh = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    const sameFile = isSound(inode) && inode.generation === layout.generation(fresh, 0) && inode.fileType === (layout.mode(fresh, 0) & FileType.MASK);
    if (accounted && !sameFile && isSound(inode) && inode.deletionTime === 0) refuseReuse(inode);

    this.#editor.modify(inode);
    inode.bytes.set(raw.subarray(0, I_BLOCK), inode.offset);
    inode.bytes.set(raw.subarray(AFTER_I_BLOCK), inode.offset + AFTER_I_BLOCK);
    inode.checksumSeed = layout.inodeChecksumSeed(this.#superblock.checksumSeed, number, inode.generation);

    if (!keepsBlocks(inode)) inode.bytes.set(raw.subarray(I_BLOCK, AFTER_I_BLOCK), inode.offset + I_BLOCK);
    else if (!sameFile) clearExtents(inode);
    // Whoever knows the inode from before looks at it anew.
    inode.block.load = this.#cache.nextLoad();
  }

  /** Takes away what a file without a name had; its blocks stay marked as used. */
  clear(inode: Inode): void {
    this.#editor.modify(inode);
    if (keepsBlocks(inode)) clearExtents(inode);
  }

  /** An inode where it lies, sound or not: one that was never used has no checksum yet. */
  #locate(value: number): Inode {
    const number: InodeNumber = inodeNumber(value);
    const { inodesCount, inodesPerGroup, inodeSize, blockSize } = this.#superblock;
    if (number < 1 || number > inodesCount) throw new CorruptionError('inode', { inode: number }, `there is no such inode, the last is ${inodesCount}`);
    const position = ((number - 1) % inodesPerGroup) * inodeSize;
    const table = this.#groups.inodeTable(this.#geometry.groupOfInode(number));
    const inode = new Inode(number, this.#superblock, this.#cache.get(physicalBlock(table + Math.floor(position / blockSize))));
    inode.offset = position % blockSize;
    return inode;
  }
}

/** Whether i_block says where blocks are, rather than being contents itself. */
function keepsBlocks(inode: Inode): boolean {
  if ((inode.flags & InodeFlags.INLINE_DATA) !== 0) return false;
  return (inode.flags & InodeFlags.EXTENTS) !== 0 || inode.isRegular || inode.isDirectory;
}

function isSound(inode: Inode): boolean {
  try {
    inode.verify();
    return inode.mode !== 0;
  } catch (error) {
    if (error instanceof FilesystemError) return false;
    throw error;
  }
}

function clearExtents(inode: Inode): void {
  inode.bytes.fill(0, inode.offset + I_BLOCK, inode.offset + AFTER_I_BLOCK);
  if (inode.hasFlag('EXTENTS')) extent.initialiseNode(inode.view, inode.offset + I_BLOCK, extent.ROOT_ENTRIES, 0);
  inode.extentRootVerified = false;
}

/** Another file in an inode that had something which extent trees do not tell: it is not known here how to give that up. */
function refuseReuse(inode: Inode): void {
  const mapsBlocks = !inode.hasFlag('EXTENTS') && !inode.hasFlag('INLINE_DATA') && inode.sectors > 0;
  if (inode.xattrBlock !== 0 || mapsBlocks) throw new UnsupportedError(`inode ${inode.number} is used again, and its old attributes or blocks would be lost`);
}
