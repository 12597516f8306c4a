import type { Inode } from '../inode.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Superblock } from '../layout/superblock.js';
import * as layout from '../layout/xattr.js';
import { EntryList } from './entries.js';
import * as entryEditor from './entry-editor.js';
import type { EntryName, NewValue } from './entry-editor.js';
import { bodyHeader, hasBodyRoom, locateBodyEntries } from './inode-body.js';

/** Changes the attributes that lie in the inode itself. */
export class BodyAttributes {
  /** Where the last `locate` or `find` found them. */
  readonly list = new EntryList();
  readonly #superblock: Superblock;
  readonly #editor: InodeEditor;

  constructor(superblock: Superblock, editor: InodeEditor) {
    this.#superblock = superblock;
    this.#editor = editor;
  }

  locate(inode: Inode): boolean {
    return locateBodyEntries(inode, this.#superblock, this.list);
  }

  /** @returns -1 where there is no such attribute */
  find(inode: Inode, { index, bytes, offset, length }: EntryName): number {
    return this.locate(inode) ? this.list.find(index, bytes, offset, length) : -1;
  }

  /** @param entry the entry whose value is replaced, -1 for a new one */
  hasRoom(inode: Inode, entry: number, name: EntryName, value: NewValue): boolean {
    if (!hasBodyRoom(inode, this.#superblock)) return false;
    if (this.locate(inode)) return entryEditor.hasRoom(this.list, entry, name.length, value, 0);
    const needed = layout.entrySize(name.length) + (value.holder === 0 ? layout.padded(value.length) : 0);
    return needed <= this.emptySpace(inode);
  }

  /** Bytes for entries and values where the inode has room for attributes and none yet. */
  emptySpace(inode: Inode): number {
    return this.#end(inode) - bodyHeader(inode) - layout.BODY_HEADER_SIZE - layout.XATTR_PAD;
  }

  /** `hasRoom` was true. */
  put(inode: Inode, entry: number, name: EntryName, value: NewValue): void {
    this.#editor.modify(inode);
    if (!this.locate(inode)) this.#initialise(inode);
    entryEditor.put(this.list, 'body', entry, name, value);
  }

  /** Without any left, the place has no header either. */
  remove(inode: Inode, entry: number): void {
    this.#editor.modify(inode);
    entryEditor.remove(this.list, 'body', entry);
    if (layout.isLastEntry(this.list.view, this.list.first)) layout.setMagic(inode.view, bodyHeader(inode), 0);
  }

  clear(inode: Inode): void {
    this.#editor.modify(inode);
    inode.bytes.fill(0, bodyHeader(inode), this.#end(inode));
  }

  #initialise(inode: Inode): void {
    this.clear(inode);
    layout.setMagic(inode.view, bodyHeader(inode), layout.XATTR_MAGIC);
    this.locate(inode);
  }

  #end(inode: Inode): number {
    return inode.offset + this.#superblock.inodeSize;
  }
}
