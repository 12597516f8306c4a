import { Verified } from '../cache/block-cache.js';
import { CorruptionError } from '../errors.js';
import type { Inode } from '../inode.js';
import type { InodeEditor } from '../inode-editor.js';
import type { TransactionListener } from '../journal/transaction-listener.js';
import type { Transactions } from '../journal/transactions.js';
import * as inodeLayout from '../layout/inode.js';
import { Times } from '../layout/inode.js';
import type { Superblock } from '../layout/superblock.js';
import * as layout from '../layout/xattr.js';
import type { FileMapping } from '../mapping/file-mapping.js';
import { MappedRange } from '../mapping/mapping.js';
import { logicalBlock, physicalBlock, type InodeNumber } from '../units.js';
import type { EntryList } from './entries.js';
import { isLustreHolder, storedChecksum, type ValueInodes } from './value-inode.js';

/** Makes and frees the inodes that hold values; everything happens in the open handle. */
export interface ValueInodeAllocator {
  /**
   * A regular file of mode 0600 with one link, the flag EA_INODE, the owner's uid and gid, near the
   * owner; empty.
   * @throws OperationError ENOSPC, EDQUOT
   */
  create(owner: Inode): Inode;
  /** Maps blocks 0 to count-1 of the new file, written. @throws OperationError ENOSPC, EDQUOT */
  allocate(holder: Inode, count: number): void;
  /** Nothing refers to it any longer: its link goes, and it is freed now or as an orphan. */
  release(holder: Inode): void;
}

export interface ValueStoreParts {
  readonly superblock: Superblock;
  readonly mapping: FileMapping;
  readonly transactions: Transactions;
  readonly editor: InodeEditor;
  readonly values: ValueInodes;
  readonly allocator: ValueInodeAllocator;
}

/** A value in an inode, as an entry referred to it. */
export interface OldValue {
  readonly holder: number;
  readonly size: number;
  /** Lustre's older form: neither shared nor counted, and no quota pays for it. */
  readonly ownersAlone: boolean;
}

const CAPACITY = 4096;

/**
 * Values in inodes of their own, counted by their references: equal values share an inode. The count
 * takes the place of i_ctime and i_version, the checksum that of i_atime.
 */
export class ValueStore implements TransactionListener {
  readonly #parts: ValueStoreParts;
  /** Inodes that hold a value, by its checksum; only ones in use, as with shared blocks. */
  readonly #known = new Map<number, InodeNumber>();
  readonly #range = new MappedRange();
  #scratch: Uint8Array | undefined;

  constructor(parts: ValueStoreParts) {
    this.#parts = parts;
    parts.transactions.listen(this);
  }

  undone(): void {
    this.#known.clear();
  }

  /** An inode that holds the value, with one reference more. */
  acquire(owner: Inode, bytes: Uint8Array, offset: number, length: number): Inode {
    const checksum = layout.valueChecksum(this.#parts.superblock.checksumSeed, bytes, offset, length);
    const holder = this.#find(owner, checksum, bytes, offset, length);
    if (holder === undefined) return this.#create(owner, checksum, bytes, offset, length);
    this.#setReferences(holder, references(holder) + 1);
    return holder;
  }

  /** One reference more for another block that names the value. */
  addReference(owner: Inode, value: number): void {
    const holder = this.#parts.values.holder(owner, value);
    this.#setReferences(holder, references(holder) + 1);
  }

  /** What an entry refers to, to be released once the entry has changed; undefined for a value beside the entries. */
  describe(owner: Inode, { view }: EntryList, entry: number): OldValue | undefined {
    if (entry < 0 || layout.valueInode(view, entry) === 0) return undefined;
    const holder = this.#parts.values.holder(owner, layout.valueInode(view, entry));
    return {
      holder: holder.number,
      size: layout.valueSize(view, entry),
      ownersAlone: isLustreHolder(holder, owner, layout.entryHash(view, entry)),
    };
  }

  /** One reference less; the last one frees the inode. */
  release(owner: Inode, value: OldValue | undefined): void {
    if (value !== undefined) this.#release(owner, value.holder, value.ownersAlone);
  }

  /** Gives back what `acquire` gave. */
  dropReference(owner: Inode, holder: number): void {
    this.#release(owner, holder, false);
  }

  #release(owner: Inode, value: number, ownersAlone: boolean): void {
    const holder = this.#parts.values.holder(owner, value);
    const count = ownersAlone ? 1 : references(holder);
    if (count === 0) throw new CorruptionError('extended attribute', { inode: holder.number }, 'a value without references is still referred to');
    if (count > 1) {
      this.#setReferences(holder, count - 1);
      return;
    }
    if (this.#known.get(storedChecksum(holder)) === holder.number) this.#known.delete(storedChecksum(holder));
    this.#setReferences(holder, 0);
    this.#parts.allocator.release(holder);
  }

  #find(owner: Inode, checksum: number, bytes: Uint8Array, offset: number, length: number): Inode | undefined {
    const number = this.#known.get(checksum);
    if (number === undefined || number === owner.number) return undefined;
    const holder = this.#parts.values.holder(owner, number);
    if (holder.size !== length || references(holder) === 0) return undefined;
    this.#scratch ??= new Uint8Array(layout.MAX_VALUE_SIZE);
    this.#parts.values.readBlocks(holder, length, this.#scratch, 0);
    for (let at = 0; at < length; at++) if (this.#scratch[at] !== bytes[offset + at]) return undefined;
    return holder;
  }

  #create(owner: Inode, checksum: number, bytes: Uint8Array, offset: number, length: number): Inode {
    const { allocator, editor, superblock } = this.#parts;
    const holder = allocator.create(owner);
    this.#setReferences(holder, 1);
    editor.setTime(holder, Times.access, checksum, 0);
    // An inode too small for the epoch bits clamps the time; the checksum is all 32 bits of it.
    holder.view.setUint32(holder.offset + Times.access.seconds, checksum, true);
    allocator.allocate(holder, Math.ceil(length / superblock.blockSize));
    this.#writeBlocks(holder, bytes, offset, length);
    editor.setSize(holder, length);
    this.#known.set(checksum, holder.number);
    if (this.#known.size > CAPACITY) this.#known.delete(this.#known.keys().next().value as number);
    return holder;
  }

  #writeBlocks(holder: Inode, bytes: Uint8Array, offset: number, length: number): void {
    const { mapping, transactions, superblock } = this.#parts;
    const { blockSize } = superblock;
    for (let at = 0; at < length; at += blockSize) {
      mapping.map(holder, logicalBlock(at / blockSize), this.#range);
      const block = transactions.create(physicalBlock(this.#range.physical), Verified.XattrValue, 0, holder.number);
      block.bytes.set(bytes.subarray(offset + at, offset + Math.min(length, at + blockSize)));
    }
  }

  #setReferences(holder: Inode, count: number): void {
    const { editor } = this.#parts;
    editor.setTime(holder, Times.change, Math.floor(count / 0x100000000), 0);
    inodeLayout.setVersionLow(holder.view, holder.offset, count >>> 0);
  }
}

const references = (holder: Inode): number =>
  (holder.seconds(Times.change) >>> 0) * 0x100000000 + inodeLayout.versionLow(holder.view, holder.offset);
