import type { FileWriter } from './file-writer.js';
import type { InlineDataEditor } from './inline-data-editor.js';
import type { InlineData } from './inline-data.js';
import type { InodeEditor } from './inode-editor.js';
import type { Inode } from './inode.js';
import type { Superblock } from './layout/superblock.js';

const SECTOR_SIZE = 512;

export interface InlineFilesParts {
  readonly superblock: Superblock;
  readonly inline: InlineData;
  readonly editor: InlineDataEditor;
  readonly inodes: InodeEditor;
  readonly writer: FileWriter;
}

/**
 * Regular files that their inode holds (feature inline_data), inside the open handle: they begin
 * there with a first write that fits, and get blocks when they outgrow it.
 */
export class InlineFiles {
  readonly #parts: InlineFilesParts;
  readonly #isUsed: boolean;
  readonly #scratch: Uint8Array;

  constructor(parts: InlineFilesParts) {
    this.#parts = parts;
    this.#isUsed = parts.superblock.features.hasIncompat('INLINE_DATA');
    this.#scratch = new Uint8Array(parts.superblock.inodeSize);
  }

  /** @returns false for a file that has blocks, or that got them because the write does not fit */
  write(inode: Inode, offset: number, source: Uint8Array, sourceOffset: number, length: number, privileged: boolean): boolean {
    if (!this.#isUsed || length === 0) return false;
    if (!inode.hasFlag('INLINE_DATA')) {
      if (!this.canBegin(inode, offset + length)) return false;
      this.begin(inode);
    }
    if (this.#parts.editor.write(inode, offset, source, sourceOffset, length)) return true;
    this.moveOut(inode, privileged);
    return false;
  }

  /** @returns false for a file that has blocks, or that got them because the size does not fit */
  resize(inode: Inode, size: number): boolean {
    if (!inode.hasFlag('INLINE_DATA')) return false;
    if (this.#parts.editor.resize(inode, size)) return true;
    this.moveOut(inode, true);
    return false;
  }

  /** Whether a file is empty, and could begin in its inode with contents that long. */
  canBegin(inode: Inode, length: number): boolean {
    return this.#isUsed && inode.size === 0 && !inode.hasFlag('INLINE_DATA') && !this.#hasBlocks(inode) && this.holds(inode, length);
  }

  /** Lets such a file begin there. */
  begin(inode: Inode): void {
    this.#parts.editor.start(inode);
  }

  /** Whether the inode can hold contents that long. */
  holds(inode: Inode, length: number): boolean {
    return length <= this.#parts.editor.capacity(inode);
  }

  /** Writes zeros to a part of what an inode holds. @returns false, with nothing changed, where it holds less than the size says */
  zero(inode: Inode, from: number, end: number): boolean {
    const length = Math.min(end, inode.size) - from;
    return length <= 0 || (length <= this.#scratch.length && this.#parts.editor.write(inode, from, this.#scratch.fill(0), 0, length));
  }

  /** Gives a file that its inode holds blocks of its own. @param privileged they may be reserved ones */
  moveOut(inode: Inode, privileged: boolean): void {
    const { inline, editor, inodes, writer } = this.#parts;
    const { size } = inode;
    const length = inline.read(inode, 0, this.#scratch.length, this.#scratch, 0);
    editor.end(inode);
    inodes.setSize(inode, 0);
    writer.write(inode, 0, this.#scratch, 0, length, privileged);
    inodes.setSize(inode, size);
  }

  /** Space may be reserved past the end of a file. */
  #hasBlocks(inode: Inode): boolean {
    const attributes = inode.xattrBlock === 0 ? 0 : this.#parts.superblock.blockSize / SECTOR_SIZE;
    return inode.sectors !== attributes;
  }
}
