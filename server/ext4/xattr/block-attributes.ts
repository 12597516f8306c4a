import { AllocatedRun, type BlockSpace } from '../allocation/block-space.js';
import { Verified, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError } from '../errors.js';
import type { Inode } from '../inode.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Transactions } from '../journal/transactions.js';
import * as layout from '../layout/xattr.js';
import { AttributeBlocks, SHARED, type AttributeBlocksParts } from './attribute-blocks.js';
import { EntryList } from './entries.js';
import * as entryEditor from './entry-editor.js';
import type { EntryName, NewValue } from './entry-editor.js';
import { SharedBlocks } from './shared-blocks.js';
import type { OldValue, ValueStore } from './value-store.js';

export interface BlockAttributesParts extends AttributeBlocksParts {
  readonly transactions: Transactions;
  readonly editor: InodeEditor;
  readonly space: BlockSpace;
  readonly store: ValueStore;
}

/** With ea_inode, values leave so much of a block to the names of later ones. */
const MOST_RESERVED = 1024;

/**
 * Changes the attributes in an inode's block. Inodes with the same attributes share one: a change is
 * made in a copy, which then becomes, in this order, a share of a block that holds just that, the new
 * contents of the inode's own block if no other has a share in it, or a new block.
 *
 * A block holds one reference to each value that it keeps in an inode, however many share the block.
 */
export class BlockAttributes {
  /** Where the last `locate` or `find` found them. */
  readonly list = new EntryList();
  readonly blocks: AttributeBlocks;
  readonly #parts: BlockAttributesParts;
  readonly #shared: SharedBlocks;
  readonly #reserve: number;
  readonly #draft = new EntryList();
  readonly #run = new AllocatedRun();

  constructor(parts: BlockAttributesParts) {
    this.#parts = parts;
    this.blocks = new AttributeBlocks(parts);
    this.#shared = new SharedBlocks(this.blocks);
    parts.transactions.listen(this.#shared);
    const { blockSize, features } = parts.superblock;
    this.#reserve = features.hasIncompat('EA_INODE') ? Math.min(blockSize / 8, MOST_RESERVED) : 0;
    const bytes = new Uint8Array(blockSize);
    this.#draft.set(new DataView(bytes.buffer), bytes, 0, layout.BLOCK_HEADER_SIZE, blockSize);
  }

  /** @throws CorruptionError, also where a crafted inode would have the filesystem's own structures changed */
  locate(inode: Inode): CachedBlock | undefined {
    const block = this.blocks.locate(inode, this.list);
    if (block !== undefined && !this.#parts.space.isFileSpace(block.number, 1)) {
      throw new CorruptionError('extended attribute', { inode: inode.number, block: block.number }, "the block is one of the filesystem's own structures");
    }
    return block;
  }

  /** @returns -1 where there is no such attribute */
  find(inode: Inode, { index, bytes, offset, length }: EntryName): number {
    const block = this.locate(inode);
    if (block === undefined) return -1;
    this.#shared.offer(block);
    return this.list.find(index, bytes, offset, length);
  }

  hasRoom(inode: Inode, name: EntryName, value: NewValue): boolean {
    const entry = this.find(inode, name);
    if (inode.xattrBlock !== 0) return entryEditor.hasRoom(this.list, entry, name.length, value, this.#reserve);
    this.#startDraft(undefined);
    return entryEditor.hasRoom(this.#draft, -1, name.length, value, this.#reserve);
  }

  /**
   * Adds an attribute or replaces its value; `hasRoom` was true.
   * @param value if it is in an inode, with a reference that this takes over
   * @returns the value it had, if that was in an inode
   */
  put(inode: Inode, name: EntryName, value: NewValue, privileged: boolean): OldValue | undefined {
    const entry = this.find(inode, name);
    const old = this.#parts.store.describe(inode, this.list, entry);
    this.#startDraft(this.locate(inode));
    entryEditor.put(this.#draft, 'block', entry, name, value);
    this.#accept(inode, value.holder, old, privileged);
    return old;
  }

  remove(inode: Inode, entry: number, privileged: boolean): OldValue | undefined {
    const old = this.#parts.store.describe(inode, this.list, entry);
    this.#startDraft(this.locate(inode));
    entryEditor.remove(this.#draft, 'block', entry);
    if (layout.isLastEntry(this.#draft.view, this.#draft.first)) this.release(inode);
    else this.#accept(inode, 0, old, privileged);
    return old;
  }

  /** Gives up the inode's share of its block, and frees the block with the last one. */
  release(inode: Inode): void {
    const block = this.locate(inode);
    if (block === undefined) return;
    this.#parts.editor.setXattrBlock(inode, 0);
    this.#releaseShare(inode, block);
  }

  #startDraft(block: CachedBlock | undefined): void {
    const { bytes, view } = this.#draft;
    if (block !== undefined) {
      bytes.set(block.bytes);
      layout.setBlockReferences(view, 1);
    } else {
      bytes.fill(0);
      layout.initialiseBlock(view);
    }
  }

  /** @param holder the inode of the value that was put, with the reference that came with it; 0 without one */
  #accept(inode: Inode, holder: number, old: OldValue | undefined, privileged: boolean): void {
    const { store } = this.#parts;
    const current = this.locate(inode);
    const twin = this.#shared.find(this.#draft);
    if (twin !== undefined) {
      if (twin !== current) this.#join(inode, twin, current);
      if (holder !== 0) store.dropReference(inode, holder);
    } else if (current !== undefined && shares(current) === 1) {
      this.#rewrite(current);
      store.release(inode, old);
    } else {
      this.#moveToNewBlock(inode, current, holder, privileged);
    }
  }

  #join(inode: Inode, block: CachedBlock, current: CachedBlock | undefined): void {
    const { editor } = this.#parts;
    this.#setShares(block, shares(block) + 1);
    editor.addBlocks(inode, this.#blocksPerCluster);
    editor.setXattrBlock(inode, block.number);
    if (current !== undefined) this.#releaseShare(inode, current);
  }

  #rewrite(block: CachedBlock): void {
    this.#shared.withdraw(block);
    this.#parts.transactions.modify(block, Verified.XattrBlock, 0);
    block.bytes.set(this.#draft.bytes);
    this.#shared.offer(block);
  }

  #moveToNewBlock(inode: Inode, current: CachedBlock | undefined, holder: number, privileged: boolean): void {
    const { editor, geometry, space, store, transactions } = this.#parts;
    const goal = geometry.groupFirstBlock(geometry.groupOfInode(inode.number));
    space.allocate({ inode: inode.number, goal, length: 1, privileged, streaming: false }, this.#run);
    const block = transactions.create(this.#run.start, Verified.XattrBlock, 0, SHARED);
    block.bytes.set(this.#draft.bytes);
    let counted = holder;
    this.#draft.forEachValueInode((entry) => {
      const value = layout.valueInode(this.#draft.view, entry);
      if (value === counted) counted = 0;
      else store.addReference(inode, value);
    });
    editor.addBlocks(inode, this.#blocksPerCluster);
    editor.setXattrBlock(inode, block.number);
    this.#shared.offer(block);
    if (current !== undefined) this.#releaseShare(inode, current);
  }

  #releaseShare(inode: Inode, block: CachedBlock): void {
    const { editor, space, store } = this.#parts;
    editor.addBlocks(inode, -this.#blocksPerCluster);
    if (shares(block) > 1) {
      this.#setShares(block, shares(block) - 1);
      return;
    }
    this.#shared.withdraw(block);
    const list = new EntryList();
    this.blocks.load(block.number, list);
    list.forEachValueInode((entry) => store.release(inode, store.describe(inode, list, entry)));
    space.free(block.number, this.#blocksPerCluster, true);
  }

  #setShares(block: CachedBlock, count: number): void {
    this.#shared.withdraw(block);
    this.#parts.transactions.modify(block, Verified.XattrBlock, 0);
    layout.setBlockReferences(block.view, count);
    this.#shared.offer(block);
  }

  get #blocksPerCluster(): number {
    return this.#parts.geometry.clusterRatio;
  }
}

function shares({ view, number }: CachedBlock): number {
  const count = layout.blockReferences(view);
  if (count === 0) throw new CorruptionError('extended attribute', { block: number }, 'a block in use says that nothing refers to it');
  return count;
}
