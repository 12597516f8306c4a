import { CorruptionError, type Place } from '../errors.js';
import * as layout from '../layout/xattr.js';
import type { Superblock } from '../layout/superblock.js';
import { ROOT_INODE } from '../units.js';

/**
 * A list of attributes where it lies: `first` is its first entry, value offsets count from `base`,
 * and nothing reaches `end` or beyond. One object is filled again and again.
 */
export class EntryList {
  view: DataView = new DataView(new ArrayBuffer(0));
  bytes: Uint8Array = new Uint8Array(0);
  base = 0;
  first = 0;
  end = 0;

  set(view: DataView, bytes: Uint8Array, base: number, first: number, end: number): void {
    this.view = view;
    this.bytes = bytes;
    this.base = base;
    this.first = first;
    this.end = end;
  }

  /** Where the value of `entry` begins, for one that is kept beside the entries. */
  valueStart(entry: number): number {
    return this.base + layout.valueOffset(this.view, entry);
  }

  /**
   * The entry of that name, or -1. Entries in a block are sorted, but nothing relies on it: a list
   * that is not is harmless to a reader, and e2fsck sorts it.
   */
  find(index: number, name: Uint8Array, offset: number, length: number): number {
    const { view } = this;
    for (let entry = this.first; !layout.isLastEntry(view, entry); entry = layout.nextEntry(view, entry)) {
      if (layout.entryNameIndex(view, entry) !== index || layout.entryNameLength(view, entry) !== length) continue;
      if (this.#hasName(entry, name, offset, length)) return entry;
    }
    return -1;
  }

  /** Calls `visit` for each entry whose value is in an inode. */
  forEachValueInode(visit: (entry: number) => void): void {
    const { view } = this;
    for (let entry = this.first; !layout.isLastEntry(view, entry); entry = layout.nextEntry(view, entry)) {
      if (layout.valueInode(view, entry) !== 0) visit(entry);
    }
  }

  #hasName(entry: number, name: Uint8Array, offset: number, length: number): boolean {
    const start = layout.entryName(entry);
    for (let at = 0; at < length; at++) if (this.bytes[start + at] !== name[offset + at]) return false;
    return true;
  }
}

/**
 * Checks all that `find` and `valueStart` then trust: the list ends inside, names hold no NUL, values
 * are of bounded size and lie behind the list. `first` must be at least four bytes before `end`.
 *
 * @throws CorruptionError
 */
export function verifyEntries(list: EntryList, superblock: Superblock, place: Place): void {
  const check = (holds: boolean, entry: number, detail: string): void => {
    if (!holds) throw new CorruptionError('extended attribute', { ...place, offset: entry }, detail);
  };
  const { view, bytes, first, end } = list;

  let last = first;
  while (!layout.isLastEntry(view, last)) {
    const next = layout.nextEntry(view, last);
    check(next < end, last, 'the list of entries has no end');
    const name = layout.entryName(last);
    const nul = bytes.indexOf(0, name);
    check(nul < 0 || nul >= name + layout.entryNameLength(view, last), last, 'a name contains NUL');
    last = next;
  }

  for (let entry = first; entry < last; entry = layout.nextEntry(view, entry)) {
    const size = layout.valueSize(view, entry);
    const inode = layout.valueInode(view, entry);
    check(size <= layout.MAX_VALUE_SIZE, entry, `a value of ${size} bytes is too large`);
    if (inode !== 0) {
      check(superblock.features.hasIncompat('EA_INODE'), entry, `a value is in inode ${inode} on a filesystem without ea_inode`);
      check(isOrdinaryInode(inode, superblock), entry, `a value is in inode ${inode}, which cannot hold one`);
    } else if (size > 0) {
      const start = list.valueStart(entry);
      check(start >= last + layout.XATTR_PAD, entry, 'a value lies among the entries');
      check(start + layout.padded(size) <= end, entry, 'a value reaches past the end');
    }
  }
}

const isOrdinaryInode = (inode: number, { firstInode, inodesCount }: Superblock): boolean =>
  inode !== ROOT_INODE && inode >= firstInode && inode <= inodesCount;
