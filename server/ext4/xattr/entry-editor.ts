import * as layout from '../layout/xattr.js';
import type { NameIndex } from '../layout/xattr.js';
import type { EntryList } from './entries.js';

/** Where a value is put: beside the entries, or in an inode of its own. */
export interface NewValue {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
  /** The inode that holds it, with its checksum; 0 for a value beside the entries. */
  readonly holder: number;
  readonly checksum: number;
}

/** An attribute's name within its namespace. */
export interface EntryName {
  readonly index: NameIndex;
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/**
 * The two kinds of lists. In a block entries are sorted and carry a hash over name and value, which
 * finds identical blocks; in an inode they stand in the order they came, and only values in other
 * inodes are hashed.
 */
export type ListKind = 'body' | 'block';

/** Bytes that a value takes beside the entries. */
const inPlaceSize = (value: NewValue): number => (value.holder === 0 ? layout.padded(value.length) : 0);

function oldInPlaceSize({ view }: EntryList, entry: number): number {
  return entry < 0 || layout.valueInode(view, entry) !== 0 ? 0 : layout.padded(layout.valueSize(view, entry));
}

/** Where the list's terminating zeros are. */
function listEnd({ view, first }: EntryList): number {
  let entry = first;
  while (!layout.isLastEntry(view, entry)) entry = layout.nextEntry(view, entry);
  return entry;
}

/** Where the lowest value begins; values fill the place from its end downwards. */
function lowestValue({ view, base, first, end }: EntryList): number {
  let lowest = end;
  for (let entry = first; !layout.isLastEntry(view, entry); entry = layout.nextEntry(view, entry)) {
    if (layout.valueInode(view, entry) !== 0 || layout.valueSize(view, entry) === 0) continue;
    lowest = Math.min(lowest, base + layout.valueOffset(view, entry));
  }
  return lowest;
}

/** Bytes between the entries and the values. */
export const unusedSpace = (list: EntryList): number => lowestValue(list) - listEnd(list) - layout.XATTR_PAD;

/**
 * Whether `put` has the room it needs.
 * @param entry the entry whose value is replaced, -1 for a new one
 * @param reserve bytes that a value beside the entries must leave to later entries
 */
export function hasRoom(list: EntryList, entry: number, nameLength: number, value: NewValue, reserve: number): boolean {
  const needed = inPlaceSize(value) + (entry < 0 ? layout.entrySize(nameLength) : 0);
  const old = oldInPlaceSize(list, entry);
  if (unusedSpace(list) + old < needed) return false;
  const size = inPlaceSize(value);
  return size === 0 || size === old || lowestValue(list) - list.base + old - size >= reserve;
}

/** Whether the entry has that very value, beside the entries. */
export function hasValue(list: EntryList, entry: number, bytes: Uint8Array, offset: number, length: number): boolean {
  if (layout.valueInode(list.view, entry) !== 0 || layout.valueSize(list.view, entry) !== length) return false;
  const start = list.valueStart(entry);
  for (let at = 0; at < length; at++) if (list.bytes[start + at] !== bytes[offset + at]) return false;
  return true;
}

/**
 * Adds an attribute, or replaces its value. `hasRoom` was true.
 * @param entry the entry whose value is replaced, -1 for a new one
 */
export function put(list: EntryList, kind: ListKind, entry: number, name: EntryName, value: NewValue): void {
  const size = inPlaceSize(value);
  let at = entry;
  if (at >= 0 && size > 0 && size === oldInPlaceSize(list, at)) {
    writeValue(list, list.valueStart(at), value, size);
    layout.setEntryValue(list.view, at, layout.valueOffset(list.view, at), 0, value.length);
  } else {
    if (at >= 0) removeValue(list, at);
    else at = insertEntry(list, kind, name);
    const start = lowestValue(list) - size;
    if (size > 0) writeValue(list, start, value, size);
    layout.setEntryValue(list.view, at, size > 0 ? start - list.base : 0, value.holder, value.length);
  }
  layout.setEntryHash(list.view, at, hashOf(list, kind, at, value));
  if (kind === 'block') updateBlockHash(list);
}

export function remove(list: EntryList, kind: ListKind, entry: number): void {
  const { view, bytes } = list;
  removeValue(list, entry);
  const end = listEnd(list) + layout.XATTR_PAD;
  const size = layout.entrySize(layout.entryNameLength(view, entry));
  bytes.copyWithin(entry, entry + size, end);
  bytes.fill(0, end - size, end);
  if (kind === 'block') updateBlockHash(list);
}

function insertEntry(list: EntryList, kind: ListKind, name: EntryName): number {
  const { view, bytes } = list;
  const end = listEnd(list) + layout.XATTR_PAD;
  const size = layout.entrySize(name.length);
  const entry = kind === 'block' ? sortedPlace(list, name) : end - layout.XATTR_PAD;
  bytes.copyWithin(entry + size, entry, end);
  bytes.fill(0, entry, entry + size);
  layout.setEntryIdentity(view, entry, name.index, name.length);
  bytes.set(name.bytes.subarray(name.offset, name.offset + name.length), layout.entryName(entry));
  return entry;
}

/** The first entry that belongs after the name: by index, then by length, then by bytes. */
function sortedPlace(list: EntryList, name: EntryName): number {
  const { view } = list;
  let entry = list.first;
  while (!layout.isLastEntry(view, entry) && compareName(list, entry, name) < 0) entry = layout.nextEntry(view, entry);
  return entry;
}

function compareName({ view, bytes }: EntryList, entry: number, name: EntryName): number {
  const byIndex = layout.entryNameIndex(view, entry) - name.index;
  if (byIndex !== 0) return byIndex;
  const byLength = layout.entryNameLength(view, entry) - name.length;
  if (byLength !== 0) return byLength;
  const start = layout.entryName(entry);
  for (let at = 0; at < name.length; at++) {
    const difference = (bytes[start + at] as number) - (name.bytes[name.offset + at] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Closes the gap that the value leaves, so that free space stays in one piece. */
function removeValue(list: EntryList, entry: number): void {
  const { view, bytes } = list;
  const size = oldInPlaceSize(list, entry);
  if (size > 0) {
    const lowest = lowestValue(list);
    const start = list.valueStart(entry);
    bytes.copyWithin(lowest + size, lowest, start);
    bytes.fill(0, lowest, lowest + size);
    shiftOffsetsBelow(list, layout.valueOffset(view, entry), size);
  }
  layout.setEntryValue(view, entry, 0, 0, 0);
}

function shiftOffsetsBelow({ view, first }: EntryList, limit: number, by: number): void {
  for (let entry = first; !layout.isLastEntry(view, entry); entry = layout.nextEntry(view, entry)) {
    const offset = layout.valueOffset(view, entry);
    if (layout.valueInode(view, entry) !== 0 || layout.valueSize(view, entry) === 0 || offset >= limit) continue;
    layout.setValueOffset(view, entry, offset + by);
  }
}

function writeValue({ bytes }: EntryList, start: number, value: NewValue, size: number): void {
  bytes.set(value.bytes.subarray(value.offset, value.offset + value.length), start);
  bytes.fill(0, start + value.length, start + size);
}

function hashOf(list: EntryList, kind: ListKind, entry: number, value: NewValue): number {
  const { view, bytes } = list;
  if (value.holder === 0 && kind === 'body') return 0;
  let hash = layout.hashName(bytes, layout.entryName(entry), layout.entryNameLength(view, entry), 'unsigned');
  if (value.holder !== 0) return layout.hashWord(hash, value.checksum);
  const start = list.valueStart(entry);
  for (let at = start; at < start + layout.padded(value.length) && value.length > 0; at += 4) hash = layout.hashWord(hash, view.getUint32(at, true));
  return hash;
}

function updateBlockHash({ view, first }: EntryList): void {
  let hash = 0;
  for (let entry = first; !layout.isLastEntry(view, entry); entry = layout.nextEntry(view, entry)) {
    const own = layout.entryHash(view, entry);
    if (own === 0) {
      hash = 0;
      break;
    }
    hash = layout.hashWord(hash, own);
  }
  layout.setBlockHash(view, hash);
}

/** Whether two lists in blocks hold the same attributes, wherever the values lie. */
export function sameAttributes(one: EntryList, other: EntryList): boolean {
  let a = one.first;
  let b = other.first;
  while (!layout.isLastEntry(one.view, a)) {
    if (layout.isLastEntry(other.view, b) || !sameEntry(one, a, other, b)) return false;
    a = layout.nextEntry(one.view, a);
    b = layout.nextEntry(other.view, b);
  }
  return layout.isLastEntry(other.view, b);
}

function sameEntry(one: EntryList, a: number, other: EntryList, b: number): boolean {
  const size = layout.valueSize(one.view, a);
  const holder = layout.valueInode(one.view, a);
  if (
    layout.entryHash(one.view, a) !== layout.entryHash(other.view, b) ||
    layout.entryNameIndex(one.view, a) !== layout.entryNameIndex(other.view, b) ||
    layout.entryNameLength(one.view, a) !== layout.entryNameLength(other.view, b) ||
    size !== layout.valueSize(other.view, b) ||
    holder !== layout.valueInode(other.view, b)
  ) {
    return false;
  }
  const nameLength = layout.entryNameLength(one.view, a);
  if (!sameBytes(one.bytes, layout.entryName(a), other.bytes, layout.entryName(b), nameLength)) return false;
  return holder !== 0 || size === 0 || sameBytes(one.bytes, one.valueStart(a), other.bytes, other.valueStart(b), size);
}

function sameBytes(one: Uint8Array, a: number, other: Uint8Array, b: number, length: number): boolean {
  for (let at = 0; at < length; at++) if (one[a + at] !== other[b + at]) return false;
  return true;
}
