import * as layout from '../layout/directory-entry.js';
import type { EntryRun } from './entry-run.js';
import type { NameHash } from './hash.js';

/**
 * How the names of one kind of directory are looked for, hashed and shown. Hashes are left in the
 * NameHash that all schemes of a filesystem share.
 */
export interface NameScheme {
  /** Takes the name that is looked for. False where no entry can have it. */
  prepare(bytes: Uint8Array, offset: number, length: number): boolean;
  /** Hashes the prepared name. False where that cannot be done: every block has to be searched. */
  hashPrepared(version: number): boolean;
  /** Where the entry with the prepared name begins, -1 where the run has none. */
  find(run: EntryRun): number;
  /** Hashes the name of an entry. */
  hashEntry(version: number, run: EntryRun, entry: number): boolean;
  /**
   * Fills in the name by which users know the entry. False where it is one that cannot be.
   *
   * @param version of the hash in whose order the directory is listed, -1 where that is no hash
   */
  show(version: number, run: EntryRun, entry: number, into: ShownName): boolean;
}

/** A name as it goes to the user; valid until the next one is shown. */
export interface ShownName {
  bytes: Uint8Array;
  nameOffset: number;
  nameLength: number;
}

const SLASH = 0x2f;

/** Names are bytes, equal or not. */
export class PlainNames implements NameScheme {
  readonly #hash: NameHash;
  readonly #blockSize: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #length = 0;

  constructor(hash: NameHash, blockSize: number) {
    this.#hash = hash;
    this.#blockSize = blockSize;
  }

  prepare(bytes: Uint8Array, offset: number, length: number): boolean {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#length = length;
    return true;
  }

  hashPrepared(version: number): boolean {
    return this.#hash.compute(version, this.#bytes, this.#offset, this.#length);
  }

  find(run: EntryRun): number {
    const { bytes, view, end } = run;
    const name = this.#bytes;
    const offset = this.#offset;
    const length = this.#length;
    const last = name[offset + length - 1];
    for (let entry = run.start; entry < end; entry += layout.recordLength(view, entry, this.#blockSize)) {
      if (layout.nameLength(view, entry) !== length) continue;
      // From the end: names in a directory begin alike more often than they end alike.
      const start = layout.nameStart(entry);
      let at = length - 1;
      if (bytes[start + at] !== last || layout.entryInode(view, entry) === 0) continue;
      while (at > 0 && bytes[start + at - 1] === name[offset + at - 1]) at--;
      if (at === 0) return entry;
    }
    return -1;
  }

  hashEntry(version: number, run: EntryRun, entry: number): boolean {
    return this.#hash.compute(version, run.bytes, layout.nameStart(entry), layout.nameLength(run.view, entry));
  }

  show(_version: number, run: EntryRun, entry: number, into: ShownName): boolean {
    return showAsIs(run, entry, into);
  }
}

/** Shows the bytes on disk, where users can have them as a name. */
export function showAsIs(run: EntryRun, entry: number, into: ShownName): boolean {
  into.bytes = run.bytes;
  into.nameOffset = layout.nameStart(entry);
  into.nameLength = layout.nameLength(run.view, entry);
  return isShowable(into);
}

/** The kernel answers EIO to a whole listing in which one name is empty or holds a slash; NUL would cut it short. */
function isShowable({ bytes, nameOffset, nameLength }: ShownName): boolean {
  if (nameLength === 0 || layout.isDotName(bytes, nameOffset, nameLength)) return false;
  for (let at = nameOffset; at < nameOffset + nameLength; at++) {
    const byte = bytes[at];
    if (byte === 0 || byte === SLASH) return false;
  }
  return true;
}
