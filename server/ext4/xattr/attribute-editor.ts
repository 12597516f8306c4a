import { errno } from '../errors.js';
import type { Inode } from '../inode.js';
import * as layout from '../layout/xattr.js';
import type { QuotaCharges } from '../quota/charges.js';
import { BlockAttributes, type BlockAttributesParts } from './block-attributes.js';
import { BodyAttributes } from './body-attributes.js';
import type { EntryList } from './entries.js';
import { hasValue, type EntryName, type NewValue } from './entry-editor.js';
import { storedChecksum, ValueInodes, type ValueInodesParts } from './value-inode.js';
import { ValueStore, type OldValue, type ValueInodeAllocator } from './value-store.js';

/** XATTR_CREATE and XATTR_REPLACE of setxattr(2). */
export const SetFlag = { CREATE: 1, REPLACE: 2 } as const;

export interface AttributeEditorParts extends Omit<BlockAttributesParts, 'store'>, ValueInodesParts {
  readonly valueInodes: ValueInodeAllocator;
  readonly charges: QuotaCharges;
  /** Called when the first attribute of a filesystem without the feature ext_attr is set. */
  readonly enableFeature: () => void;
}

/**
 * Changes attributes inside the open handle. The inode's own room comes first, then its block, then,
 * with ea_inode, an inode for the value alone. Names are those within a namespace; what a namespace
 * means (access control lists change the mode) is the caller's part, and so are i_ctime and i_version.
 *
 * An error that is returned has changed nothing; one that is thrown leaves undoing to the handle.
 */
export class AttributeEditor {
  readonly #parts: AttributeEditorParts;
  readonly #store: ValueStore;
  readonly #body: BodyAttributes;
  readonly #block: BlockAttributes;

  constructor(parts: AttributeEditorParts) {
    this.#parts = parts;
    this.#store = new ValueStore({ ...parts, values: new ValueInodes(parts), allocator: parts.valueInodes });
    this.#body = new BodyAttributes(parts.superblock, parts.editor);
    this.#block = new BlockAttributes({ ...parts, store: this.#store });
  }

  /**
   * @param flags SetFlag, or 0
   * @param privileged whether reserved blocks may be used
   * @returns 1 where something changed, 0 where the attribute had that value, or -EEXIST, -ENODATA,
   *   -ENOSPC (no room for an attribute of that size), -ERANGE, -E2BIG
   * @throws OperationError ENOSPC, EDQUOT (no room in the filesystem); CorruptionError
   */
  set(inode: Inode, name: EntryName, bytes: Uint8Array, offset: number, length: number, flags: number, privileged: boolean): number {
    if (name.length > layout.MAX_NAME_LENGTH) return -errno.ERANGE;
    if (length > layout.MAX_VALUE_SIZE) return -errno.E2BIG;
    const inBody = this.#body.find(inode, name);
    const inBlock = inBody >= 0 ? -1 : this.#block.find(inode, name);
    const exists = inBody >= 0 || inBlock >= 0;
    if (exists && (flags & SetFlag.CREATE) !== 0) return -errno.EEXIST;
    if (!exists && (flags & SetFlag.REPLACE) !== 0) return -errno.ENODATA;
    if (inBody >= 0 && hasValue(this.#body.list, inBody, bytes, offset, length)) return 0;
    if (inBlock >= 0 && hasValue(this.#block.list, inBlock, bytes, offset, length)) return 0;

    const value = { bytes, offset, length, holder: 0, checksum: 0 };
    const place = { inode, name, inBody, inBlock, privileged };
    if (!this.#isLarge(length) && this.#put(place, value)) return 1;
    if (!this.#parts.superblock.features.hasIncompat('EA_INODE') || length === 0) return -errno.ENOSPC;
    return this.#putExternally(place, value) ? 1 : -errno.ENOSPC;
  }

  /** @returns 1, or -ENODATA where there is no such attribute */
  remove(inode: Inode, name: EntryName, privileged: boolean): number {
    const inBody = this.#body.find(inode, name);
    if (inBody >= 0) {
      this.#removeFromBody(inode, inBody);
      return 1;
    }
    const inBlock = this.#block.find(inode, name);
    if (inBlock < 0) return -errno.ENODATA;
    this.#removeFromBlock(inode, inBlock, privileged);
    return 1;
  }

  /** How many values are in inodes of their own, and in the account of this inode's owner. */
  valueInodeCount(inode: Inode): number {
    if (!this.#parts.superblock.features.hasIncompat('EA_INODE')) return 0;
    let count = 0;
    const add = (list: EntryList): void => {
      list.forEachValueInode((entry) => {
        if (this.#store.describe(inode, list, entry)?.ownersAlone === false) count++;
      });
    };
    if (this.#body.locate(inode)) add(this.#body.list);
    if (this.#block.locate(inode) !== undefined) add(this.#block.list);
    return count;
  }

  /** The inode is being freed: gives up everything its attributes hold. */
  removeAll(inode: Inode): void {
    const store = this.#store;
    if (this.#body.locate(inode)) {
      const { list } = this.#body;
      list.forEachValueInode((entry) => {
        const value = store.describe(inode, list, entry);
        this.#chargeOld(inode, value);
        store.release(inode, value);
      });
      this.#body.clear(inode);
    }
    if (this.#block.locate(inode) === undefined) return;
    const { list } = this.#block;
    list.forEachValueInode((entry) => this.#chargeOld(inode, store.describe(inode, list, entry)));
    this.#block.release(inode);
  }

  /** A value that is larger goes to an inode of its own at once, where the filesystem allows it. */
  #isLarge(length: number): boolean {
    const { blockSize, features } = this.#parts.superblock;
    const limit = blockSize - layout.entrySize(3) - layout.BLOCK_HEADER_SIZE - layout.XATTR_PAD;
    return features.hasIncompat('EA_INODE') && layout.padded(length) > limit;
  }

  #putExternally(place: Place, value: NewValue): boolean {
    const { inode, name, inBody } = place;
    // Nothing is made before it is known that the entry fits: which inode holds the value does not matter for that.
    const entry = { ...value, holder: UNDECIDED };
    if (!this.#body.hasRoom(inode, inBody, name, entry) && !this.#block.hasRoom(inode, name, entry)) return false;
    const holder = this.#store.acquire(inode, value.bytes, value.offset, value.length);
    this.#chargeValue(inode, value.length, 1);
    return this.#put(place, { ...value, holder: holder.number, checksum: storedChecksum(holder) });
  }

  #put({ inode, name, inBody, inBlock, privileged }: Place, value: NewValue): boolean {
    const { superblock, enableFeature } = this.#parts;
    const store = this.#store;
    if (this.#body.hasRoom(inode, inBody, name, value)) {
      const old = store.describe(inode, this.#body.list, inBody);
      this.#body.put(inode, inBody, name, value);
      this.#chargeOld(inode, old);
      store.release(inode, old);
      if (inBlock >= 0) this.#removeFromBlock(inode, this.#block.find(inode, name), privileged);
    } else if (this.#block.hasRoom(inode, name, value)) {
      this.#chargeOld(inode, this.#block.put(inode, name, value, privileged));
      if (inBody >= 0) this.#removeFromBody(inode, this.#body.find(inode, name));
    } else {
      return false;
    }
    if (!superblock.features.hasCompat('EXT_ATTR')) enableFeature();
    return true;
  }

  #removeFromBody(inode: Inode, entry: number): void {
    const store = this.#store;
    const old = store.describe(inode, this.#body.list, entry);
    this.#body.remove(inode, entry);
    this.#chargeOld(inode, old);
    store.release(inode, old);
  }

  #removeFromBlock(inode: Inode, entry: number, privileged: boolean): void {
    this.#chargeOld(inode, this.#block.remove(inode, entry, privileged));
  }

  #chargeOld(inode: Inode, value: OldValue | undefined): void {
    if (value !== undefined && !value.ownersAlone) this.#chargeValue(inode, value.size, -1);
  }

  /** A value counts for each of its owners, as if it were theirs alone. */
  #chargeValue(inode: Inode, size: number, sign: 1 | -1): void {
    const { charges, editor, superblock, geometry } = this.#parts;
    const blocks = sign * Math.ceil(size / superblock.clusterSize) * geometry.clusterRatio;
    editor.addBlocks(inode, blocks);
    charges.chargeInodes(inode, sign);
  }
}

/** Where the attribute is before it is set: an entry in the inode, one in its block, or -1 and -1. */
interface Place {
  readonly inode: Inode;
  readonly name: EntryName;
  readonly inBody: number;
  readonly inBlock: number;
  readonly privileged: boolean;
}

/** Stands for the inode of a value that is not made yet. */
const UNDECIDED = -1;
