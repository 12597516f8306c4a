import { InlineData } from './inline-data.js';
import type { Inode } from './inode.js';
import type { InodeEditor } from './inode-editor.js';
import * as extentLayout from './layout/extent.js';
import { I_BLOCK, I_BLOCK_SIZE } from './layout/inode.js';
import type { Superblock } from './layout/superblock.js';
import * as layout from './layout/xattr.js';
import { NameIndex } from './layout/xattr.js';
import { BodyAttributes } from './xattr/body-attributes.js';
import { unusedSpace, type EntryName, type NewValue } from './xattr/entry-editor.js';

const DATA: EntryName = { index: NameIndex.SYSTEM, bytes: new TextEncoder().encode('data'), offset: 0, length: 4 };

/**
 * Changes contents that are kept in the inode, inside the open handle. What does not fit is the
 * caller's to move: read the contents, `end`, write them to blocks.
 */
export class InlineDataEditor {
  readonly #superblock: Superblock;
  readonly #editor: InodeEditor;
  readonly #body: BodyAttributes;
  readonly #inline: InlineData;
  readonly #scratch: Uint8Array;

  constructor(superblock: Superblock, editor: InodeEditor) {
    this.#superblock = superblock;
    this.#editor = editor;
    this.#body = new BodyAttributes(superblock, editor);
    this.#inline = new InlineData(superblock);
    this.#scratch = new Uint8Array(superblock.inodeSize);
  }

  /** Bytes that the inode could hold beside its attributes; 0 where there is no room for the attribute system.data. */
  capacity(inode: Inode): number {
    const entry = this.#body.find(inode, DATA);
    if (entry >= 0) {
      const { list } = this.#body;
      return I_BLOCK_SIZE + unusedSpace(list) + layout.padded(layout.valueSize(list.view, entry));
    }
    if (!this.#body.hasRoom(inode, -1, DATA, emptyValue)) return 0;
    const unused = this.#body.locate(inode) ? unusedSpace(this.#body.list) : this.#body.emptySpace(inode);
    return I_BLOCK_SIZE + unused - layout.entrySize(DATA.length);
  }

  /**
   * Makes an inode without contents one with inline data; its mapping must be empty.
   * @returns false where `capacity` is 0
   */
  start(inode: Inode): boolean {
    if (!this.#body.hasRoom(inode, -1, DATA, emptyValue)) return false;
    this.#body.put(inode, -1, DATA, emptyValue);
    inode.bytes.fill(0, inode.offset + I_BLOCK, inode.offset + I_BLOCK + I_BLOCK_SIZE);
    this.#editor.setFlag(inode, 'EXTENTS', false);
    this.#editor.setFlag(inode, 'INLINE_DATA', true);
    return true;
  }

  /**
   * Writes, and grows the file to the write's end.
   * @returns false, with nothing changed, where that is past the capacity
   */
  write(inode: Inode, offset: number, source: Uint8Array, sourceOffset: number, length: number): boolean {
    const end = offset + length;
    // The size may promise more than there is room for: the kernel's truncate only sets it, and damage sets it to anything.
    const isCovered = end <= inode.size && end <= this.#room(inode);
    if (!isCovered && !this.resize(inode, Math.max(end, inode.size))) return false;
    this.#editor.modify(inode);
    const { bytes, headStart, tailStart } = this.#inline.ranges(inode);
    const inHead = Math.max(0, Math.min(length, I_BLOCK_SIZE - offset));
    bytes.set(source.subarray(sourceOffset, sourceOffset + inHead), headStart + offset);
    const inTail = offset + inHead - I_BLOCK_SIZE;
    if (inHead < length) bytes.set(source.subarray(sourceOffset + inHead, sourceOffset + length), tailStart + inTail);
    return true;
  }

  /**
   * Sets the size; what is added is zeros, and nothing is left of what is cut off.
   * @returns false, with nothing changed, for a size past the capacity
   */
  resize(inode: Inode, size: number): boolean {
    if (size > this.capacity(inode)) return false;
    const tail = Math.max(0, size - I_BLOCK_SIZE);
    const { bytes, headStart, headEnd, tailStart, tailEnd } = this.#inline.ranges(inode);
    const kept = Math.min(tail, tailEnd - tailStart, Math.max(0, inode.size - I_BLOCK_SIZE));
    const value = this.#scratch.subarray(0, tail);
    value.set(bytes.subarray(tailStart, tailStart + kept));
    value.fill(0, kept);
    this.#editor.modify(inode);
    bytes.fill(0, headStart + Math.min(size, inode.size, I_BLOCK_SIZE), headEnd);
    this.#body.put(inode, this.#body.find(inode, DATA), DATA, { ...emptyValue, bytes: value, length: tail });
    this.#editor.setSize(inode, size);
    return true;
  }

  /** Bytes that the inode holds, whatever the size says. */
  #room(inode: Inode): number {
    const { tailStart, tailEnd } = this.#inline.ranges(inode);
    return I_BLOCK_SIZE + tailEnd - tailStart;
  }

  /** Drops the contents and leaves an empty mapping to blocks; the size is the caller's to set. */
  end(inode: Inode): void {
    const entry = this.#body.find(inode, DATA);
    if (entry >= 0) this.#body.remove(inode, entry);
    this.#editor.setFlag(inode, 'INLINE_DATA', false);
    inode.bytes.fill(0, inode.offset + I_BLOCK, inode.offset + I_BLOCK + I_BLOCK_SIZE);
    if (!this.#superblock.features.hasIncompat('EXTENTS')) return;
    this.#editor.setFlag(inode, 'EXTENTS', true);
    extentLayout.initialiseNode(inode.view, inode.offset + I_BLOCK, extentLayout.ROOT_ENTRIES, 0);
  }
}

const emptyValue: NewValue = { bytes: new Uint8Array(0), offset: 0, length: 0, holder: 0, checksum: 0 };
