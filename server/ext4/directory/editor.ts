import { Verified, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError, errno, OperationError } from '../errors.js';
import type { InlineDataEditor } from '../inline-data-editor.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import * as layout from '../layout/directory-entry.js';
import { InodeFlags } from '../layout/inode.js';
import type { Superblock } from '../layout/superblock.js';
import type { FileSpace } from '../mapping/file-space.js';
import type { DirectoryEditor } from '../namespace/directory-editor.js';
import type { Name } from '../namespace/name.js';
import type { InodeNumber } from '../units.js';
import { DirectoryBlockEditor } from './block-editor.js';
import type { Directory, DirectoryInternals, LocatedEntry } from './directory.js';
import { EntryRun } from './entry-run.js';
import { EntrySpace } from './entry-space.js';
import { IndexEditor } from './index-editor.js';
import { isIndexDamage } from './index-cursor.js';
import { InlineDirectoryEditor } from './inline-directory-editor.js';
import { InlineEntries } from './inline-entries.js';

export interface DirectoryEditingParts {
  readonly superblock: Superblock;
  readonly directory: Directory;
  readonly internals: DirectoryInternals;
  readonly transactions: Transactions;
  readonly files: FileSpace;
  readonly inodes: InodeEditor;
  readonly inlineData: InlineDataEditor;
}

const DOTS = Uint8Array.of(0x2e, 0x2e);

/** Adds, replaces and removes entries, in linear, indexed and inline directories. */
export class DirectoryEditing implements DirectoryEditor {
  readonly #parts: DirectoryEditingParts;
  readonly #internals: DirectoryInternals;
  readonly #blocks: DirectoryBlockEditor;
  readonly #index: IndexEditor;
  readonly #space: EntrySpace;
  readonly #inline: InlineDirectoryEditor;
  readonly #run = new EntryRun();

  constructor(parts: DirectoryEditingParts) {
    const { superblock, internals, transactions, files, inodes } = parts;
    this.#parts = parts;
    this.#internals = internals;
    this.#blocks = new DirectoryBlockEditor(internals.blocks, internals.rules, transactions, files, inodes);
    this.#index = new IndexEditor(internals.blocks, internals.rules, this.#blocks, internals.hash, internals.cursor, superblock.defaultHashVersion);
    this.#space = new EntrySpace(superblock.blockSize);
    this.#inline = new InlineDirectoryEditor({
      superblock,
      rules: internals.rules,
      entries: internals.inline,
      contents: parts.inlineData,
      blocks: this.#blocks,
      inodes,
    });
  }

  lookup(dir: Inode, name: Name): number {
    if (name.length > layout.MAX_NAME_LENGTH) throw new OperationError(errno.ENAMETOOLONG, `a name of ${name.length} bytes`);
    return this.#parts.directory.lookup(dir, name.bytes, name.offset, name.length);
  }

  isEmpty(dir: Inode): boolean {
    return this.#parts.directory.isEmpty(dir);
  }

  initialise(dir: Inode, parent: Inode): void {
    if (this.#inline.begin(dir, parent.number, this.#run)) return;
    const { block } = this.#blocks.append(dir, Verified.DirectoryLeaf);
    this.#blocks.initialiseLeaf(block, this.#run);
    const { view, bytes, end } = this.#run;
    const type = this.#internals.rules.hasFileType ? layout.EntryType.DIRECTORY : 0;
    const dotSize = layout.MIN_ENTRY_SIZE;
    layout.writeEntry(view, bytes, 0, dotSize, dir.number, type, DOTS, 0, 1);
    layout.writeEntry(view, bytes, dotSize, end - dotSize, parent.number, type, DOTS, 0, 2);
  }

  add(dir: Inode, name: Name, target: InodeNumber, type: number): void {
    if (this.#internals.rules.storesHashes(dir) || dir.hasFlag('ENCRYPT')) throw new OperationError(errno.ENOKEY, 'the directory is encrypted');
    if (dir.hasFlag('INLINE_DATA')) {
      if (this.#addInline(dir, name, target, type)) return;
      if (this.#inline.grow(dir, this.#run) && this.#addInline(dir, name, target, type)) return;
      this.#inline.moveOut(dir, this.#run);
    }
    if (this.#isIndexed(dir) && this.#addIndexed(dir, name, target, type)) return;
    this.#addLinear(dir, name, target, type);
  }

  replace(dir: Inode, name: Name, target: InodeNumber, type: number): void {
    const { block, entry } = this.#find(dir, name);
    this.#modify(dir, block);
    layout.setEntryInode(this.#run.view, entry, target);
    layout.setFileType(this.#run.view, entry, type);
  }

  remove(dir: Inode, name: Name): void {
    const { block, entry } = this.#find(dir, name);
    this.#modify(dir, block);
    this.#space.remove(this.#run, entry);
  }

  setParent(dir: Inode, parent: Inode): void {
    if (dir.hasFlag('INLINE_DATA')) {
      this.#parts.inodes.modify(dir);
      this.#internals.inline.setParent(dir, parent.number);
      return;
    }
    const block = this.#internals.blocks.get(dir, 0);
    if (block === undefined) throw new CorruptionError('directory block', { inode: dir.number, offset: 0 }, 'the first block is missing');
    // Says where ".." is only after it was checked.
    this.#parts.directory.parent(dir);
    if (this.#isIndexed(dir) && this.#internals.blocks.isIndexNode(block, 0)) this.#blocks.modifyNode(dir, block);
    else this.#blocks.modifyLeaf(dir, block);
    layout.setEntryInode(block.view, layout.recordLength(block.view, 0, block.bytes.length), parent.number);
  }

  #isIndexed(dir: Inode): boolean {
    return this.#internals.rules.hasIndexes && dir.hasFlag('INDEX') && !dir.hasFlag('INLINE_DATA');
  }

  #addInline(dir: Inode, name: Name, target: InodeNumber, type: number): boolean {
    const needed = layout.entrySize(name.length, false);
    for (let index = 0; index < InlineEntries.RUNS; index++) {
      const damage = this.#internals.inline.entries(dir, index, this.#run);
      if (damage !== undefined) throw damage;
      const room = this.#space.findRoom(this.#run, needed, false);
      if (room < 0) continue;
      this.#parts.inodes.modify(dir);
      this.#space.place(this.#run, room, name, target, type, false);
      return true;
    }
    return false;
  }

  /** @returns false where the index is damaged: then the directory is a linear one from now on, as for the kernel */
  #addIndexed(dir: Inode, name: Name, target: InodeNumber, type: number): boolean {
    const names = this.#internals.namesOf(dir);
    const needed = layout.entrySize(name.length, false);
    let leaf: CachedBlock;
    try {
      leaf = this.#index.seek(dir, names, name, this.#run);
    } catch (error) {
      if (!isIndexDamage(error)) throw error;
      this.#parts.inodes.setFlags(dir, (dir.flags & ~InodeFlags.INDEX) >>> 0);
      return false;
    }
    const wanted = this.#internals.hash.major;
    let room = this.#space.findRoom(this.#run, needed, false);
    if (room < 0) {
      leaf = this.#index.splitLeaf(dir, names, wanted, this.#run);
      room = this.#space.findRoom(this.#run, needed, false);
      if (room < 0) throw new OperationError(errno.ENOSPC, `directory ${dir.number}: too many names with the same hash`);
    } else {
      this.#blocks.modifyLeaf(dir, leaf);
    }
    this.#space.place(this.#run, room, name, target, type, false);
    return true;
  }

  #addLinear(dir: Inode, name: Name, target: InodeNumber, type: number): void {
    const { blocks, rules } = this.#internals;
    const needed = layout.entrySize(name.length, false);
    const count = blocks.count(dir);
    for (let logical = 0; logical < count; logical++) {
      const block = blocks.get(dir, logical);
      if (block === undefined) continue;
      const damage = blocks.entries(dir, block, this.#run);
      if (damage !== undefined) throw damage;
      const room = this.#space.findRoom(this.#run, needed, false);
      if (room < 0) continue;
      this.#blocks.modifyLeaf(dir, block);
      this.#space.place(this.#run, room, name, target, type, false);
      return;
    }
    if (count === 1 && rules.hasIndexes) {
      this.#index.create(dir);
      this.#parts.inodes.setFlags(dir, (dir.flags | InodeFlags.INDEX) >>> 0);
      this.#addIndexed(dir, name, target, type);
      return;
    }
    const { block } = this.#blocks.append(dir, Verified.DirectoryLeaf);
    this.#blocks.initialiseLeaf(block, this.#run);
    this.#space.place(this.#run, this.#run.start, name, target, type, false);
  }

  /** Finds an entry that is known to be there; its run is in `#run`. */
  #find(dir: Inode, name: Name): LocatedEntry {
    const found = this.#parts.directory.locate(dir, name, this.#run);
    if (found === undefined) throw new OperationError(errno.ENOENT, 'there is no such name');
    return found;
  }

  #modify(dir: Inode, block: CachedBlock | undefined): void {
    if (block === undefined) this.#parts.inodes.modify(dir);
    else this.#blocks.modifyLeaf(dir, block);
  }
}
