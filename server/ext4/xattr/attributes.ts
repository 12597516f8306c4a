import { errno } from '../errors.js';
import type { Inode } from '../inode.js';
import type { Superblock } from '../layout/superblock.js';
import * as layout from '../layout/xattr.js';
import { NameIndex } from '../layout/xattr.js';
import { checkDiskAcl, writeWireAcl } from './acl.js';
import { AttributeBlocks, type AttributeBlocksParts } from './attribute-blocks.js';
import { EntryList } from './entries.js';
import { locateBodyEntries } from './inode-body.js';
import { namespaceOf, visibleNamespace } from './namespaces.js';
import { ValueInodes, type ValueInodesParts } from './value-inode.js';

export type ExtendedAttributesParts = AttributeBlocksParts & ValueInodesParts;

/**
 * Extended attributes as getxattr(2) and listxattr(2) give them: full names, those in the inode
 * first, then those in the inode's block. POSIX ACLs come in the form that system calls use.
 *
 * Lengths and errors come back as system calls give them: a negative errno, never thrown.
 */
export class ExtendedAttributes {
  readonly #superblock: Superblock;
  readonly #blocks: AttributeBlocks;
  readonly #values: ValueInodes;
  readonly #list = new EntryList();
  /** For an ACL that is kept in an inode of its own, which has to be in memory to be converted. */
  #scratch: Uint8Array | undefined;

  constructor(parts: ExtendedAttributesParts) {
    this.#superblock = parts.superblock;
    this.#blocks = new AttributeBlocks(parts);
    this.#values = new ValueInodes(parts);
  }

  /**
   * @param name holds the full name at [offset, offset + length), without a NUL
   * @param targetLength room for the value; 0 only asks for its size
   * @returns the value's size, or -ENODATA, -ERANGE (no room), -EOPNOTSUPP (no such namespace), -EINVAL
   * @throws CorruptionError
   */
  get(
    inode: Inode,
    name: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    targetOffset: number,
    targetLength: number,
  ): number {
    const space = namespaceOf(name, offset, length);
    if (space === undefined) return -errno.EOPNOTSUPP;
    const nameLength = length - space.prefix.length;
    if (space.takesName && nameLength === 0) return -errno.EINVAL;
    if (nameLength > layout.MAX_NAME_LENGTH) return -errno.ERANGE;

    const entry = this.#find(inode, space.index, name, offset + space.prefix.length, nameLength);
    if (entry < 0) return -errno.ENODATA;
    if (space.index === NameIndex.POSIX_ACL_ACCESS || space.index === NameIndex.POSIX_ACL_DEFAULT) {
      return this.#copyAcl(inode, entry, target, targetOffset, targetLength);
    }
    const size = layout.valueSize(this.#list.view, entry);
    if (targetLength === 0) return size;
    if (size > targetLength) return -errno.ERANGE;
    this.#copyValue(inode, entry, size, target, targetOffset);
    return size;
  }

  /**
   * Lists full names, each with a NUL behind it.
   *
   * @param targetLength room for the list; 0 only asks for its size
   * @param withTrusted whether the caller may see `trusted.` names. The kernel refuses to get one
   *   without CAP_SYS_ADMIN by itself, but passes a FUSE server's list on as it is: hiding them from
   *   others, as ext4 does, is the server's part.
   * @returns the list's size, or -ERANGE
   * @throws CorruptionError
   */
  list(inode: Inode, target: Uint8Array, targetOffset: number, targetLength: number, withTrusted: boolean): number {
    const limit = targetLength === 0 ? -1 : targetOffset + targetLength;
    let at = targetOffset;
    if (this.#locateBody(inode)) at = this.#appendNames(target, at, limit, withTrusted);
    if (at >= 0 && this.#locateBlock(inode)) at = this.#appendNames(target, at, limit, withTrusted);
    return at < 0 ? at : at - targetOffset;
  }

  /** Whether the inode has any attribute at all, shown or not; costs next to nothing. */
  hasAny(inode: Inode): boolean {
    return inode.xattrBlock !== 0 || this.#locateBody(inode);
  }

  /**
   * A copy of an ACL in its form on disk; undefined where there is none.
   * @throws CorruptionError where it is not made of entries
   */
  readAcl(inode: Inode, index: typeof NameIndex.POSIX_ACL_ACCESS | typeof NameIndex.POSIX_ACL_DEFAULT): Uint8Array | undefined {
    const entry = this.#find(inode, index, NO_NAME, 0, 0);
    const size = entry < 0 ? 0 : layout.valueSize(this.#list.view, entry);
    if (size === 0) return undefined;
    const disk = new Uint8Array(size);
    this.#copyValue(inode, entry, size, disk, 0);
    return checkDiskAcl(disk, 0, size, { inode: inode.number }) === 0 ? undefined : disk;
  }

  /** The entry, with the list set to where it is; -1 where there is none. */
  #find(inode: Inode, index: number, name: Uint8Array, offset: number, length: number): number {
    if (this.#locateBody(inode)) {
      const entry = this.#list.find(index, name, offset, length);
      if (entry >= 0) return entry;
    }
    return this.#locateBlock(inode) ? this.#list.find(index, name, offset, length) : -1;
  }

  #locateBody(inode: Inode): boolean {
    return locateBodyEntries(inode, this.#superblock, this.#list);
  }

  #locateBlock(inode: Inode): boolean {
    return this.#blocks.locate(inode, this.#list) !== undefined;
  }

  #copyValue(inode: Inode, entry: number, size: number, target: Uint8Array, targetOffset: number): void {
    const list = this.#list;
    if (layout.valueInode(list.view, entry) !== 0) {
      this.#values.read(inode, list, entry, target, targetOffset);
    } else if (size > 0) {
      const start = list.valueStart(entry);
      target.set(list.bytes.subarray(start, start + size), targetOffset);
    }
  }

  #copyAcl(inode: Inode, entry: number, target: Uint8Array, targetOffset: number, targetLength: number): number {
    const list = this.#list;
    const size = layout.valueSize(list.view, entry);
    if (size === 0) return -errno.ENODATA;
    const place = { inode: inode.number, offset: entry };
    if (layout.valueInode(list.view, entry) === 0) {
      return writeWireAcl(list.bytes, list.valueStart(entry), size, target, targetOffset, targetLength, place);
    }
    this.#scratch ??= new Uint8Array(layout.MAX_VALUE_SIZE);
    this.#values.read(inode, list, entry, this.#scratch, 0);
    return writeWireAcl(this.#scratch, 0, size, target, targetOffset, targetLength, place);
  }

  /** @returns the position after the names, or -ERANGE; with a negative limit it only counts */
  #appendNames(target: Uint8Array, start: number, limit: number, withTrusted: boolean): number {
    const { view, bytes, first } = this.#list;
    let at = start;
    for (let entry = first; !layout.isLastEntry(view, entry); entry = layout.nextEntry(view, entry)) {
      const space = visibleNamespace(layout.entryNameIndex(view, entry));
      if (space === undefined || (space.index === NameIndex.TRUSTED && !withTrusted)) continue;
      const length = layout.entryNameLength(view, entry);
      const end = at + space.prefix.length + length + 1;
      if (limit >= 0) {
        if (end > limit) return -errno.ERANGE;
        const name = layout.entryName(entry);
        target.set(space.prefix, at);
        target.set(bytes.subarray(name, name + length), at + space.prefix.length);
        target[end - 1] = 0;
      }
      at = end;
    }
    return at;
  }
}

/** An ACL's name is all in its index. */
const NO_NAME = new Uint8Array(0);
