import * as layout from '../layout/directory-entry.js';
import { CaseFolder, foldAsciiByte } from './casefold.js';
import type { EntryRun } from './entry-run.js';
import type { NameHash } from './hash.js';
import { showAsIs, type NameScheme, type ShownName } from './names.js';

/**
 * Names of a casefolded directory: equal where they are folded to the same, and hashed as folded.
 * Names that are not UTF-8 are bytes, or in strict mode no names at all.
 */
export class FoldedNames implements NameScheme {
  readonly #hash: NameHash;
  readonly #blockSize: number;
  readonly #strict: boolean;
  readonly #wanted = new CaseFolder();
  readonly #folder = new CaseFolder();
  #isText = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #length = 0;

  constructor(hash: NameHash, blockSize: number, strict: boolean) {
    this.#hash = hash;
    this.#blockSize = blockSize;
    this.#strict = strict;
  }

  prepare(bytes: Uint8Array, offset: number, length: number): boolean {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#length = length;
    this.#isText = this.#wanted.fold(bytes, offset, length);
    return this.#isText || !this.#strict;
  }

  hashPrepared(version: number): boolean {
    if (!this.#isText) return this.#hash.compute(version, this.#bytes, this.#offset, this.#length);
    return this.#hash.compute(version, this.#wanted.bytes, 0, this.#wanted.length);
  }

  find(run: EntryRun): number {
    const { bytes, view, end } = run;
    for (let entry = run.start; entry < end; entry += layout.recordLength(view, entry, this.#blockSize)) {
      if (layout.entryInode(view, entry) === 0) continue;
      const start = layout.nameStart(entry);
      const length = layout.nameLength(view, entry);
      if (this.#isText ? this.#isFoldedAlike(bytes, start, length) : this.#isSame(bytes, start, length)) return entry;
    }
    return -1;
  }

  hashEntry(version: number, { bytes, view }: EntryRun, entry: number): boolean {
    const start = layout.nameStart(entry);
    const length = layout.nameLength(view, entry);
    const folder = this.#folder;
    if (folder.fold(bytes, start, length)) return this.#hash.compute(version, folder.bytes, 0, folder.length);
    return this.#hash.compute(version, bytes, start, length);
  }

  show(_version: number, run: EntryRun, entry: number, into: ShownName): boolean {
    return showAsIs(run, entry, into);
  }

  /** Nearly every name differs within its first ASCII characters, which nothing that follows can change. */
  #isFoldedAlike(bytes: Uint8Array, start: number, length: number): boolean {
    const wanted = this.#wanted;
    for (let at = 0; at < length; at++) {
      const byte = bytes[start + at] as number;
      if (byte >= 0x80) return this.#isFullyFoldedAlike(bytes, start, length);
      if (at >= wanted.length || foldAsciiByte(byte) !== wanted.bytes[at]) return false;
    }
    return length === wanted.length;
  }

  #isFullyFoldedAlike(bytes: Uint8Array, start: number, length: number): boolean {
    const wanted = this.#wanted;
    const folder = this.#folder;
    if (!folder.fold(bytes, start, length) || folder.length !== wanted.length) return false;
    for (let at = 0; at < folder.length; at++) if (folder.bytes[at] !== wanted.bytes[at]) return false;
    return true;
  }

  #isSame(bytes: Uint8Array, start: number, length: number): boolean {
    if (length !== this.#length) return false;
    for (let at = 0; at < length; at++) if (bytes[start + at] !== this.#bytes[this.#offset + at]) return false;
    return true;
  }
}
