import { CorruptionError, type FilesystemError } from '../errors.js';
import type { Inode } from '../inode.js';
import * as layout from '../layout/directory-entry.js';
import { BlockWalk } from './block-walk.js';
import type { DirectoryBlocks } from './blocks.js';
import { EntryRun, type EntryRules } from './entry-run.js';
import { HashVersion, type NameHash } from './hash.js';
import { hashOfKey, keyOfHash, OrderedEntries } from './hash-order.js';
import { HASH_END, isIndexDamage, type IndexCursor } from './index-cursor.js';
import { InlineEntries } from './inline-entries.js';
import type { NameScheme } from './names.js';

/** One name of a listing. The same object serves all of them: a visitor copies what it keeps. */
export class DirectoryEntry {
  inode = 0;
  /** As the entry has it, EntryType.UNKNOWN without the filetype feature. */
  fileType = 0;
  bytes: Uint8Array = new Uint8Array(0);
  nameOffset = 0;
  nameLength = 0;
  /** Where a listing goes on after this entry. */
  position = 0;
}

/** Takes an entry; false where it has no room for it, which ends the listing before it. */
export type EntryVisitor = (entry: DirectoryEntry) => boolean;

/**
 * Positions: 0 and 1 are "." and "..", then comes one of two ranges. In hash order a position is the
 * key of a name, in block order the byte where an entry begins.
 */
const AFTER_DOTS = 2;
const BLOCK_ORDER = 2 ** 52;

const NO_HASH = -1;
const DOTS = Uint8Array.of(0x2e, 0x2e);
/** Leaves whose order is remembered: a listing comes back for the rest of its leaf. */
const REMEMBERED_LEAVES = 8;

/** What a listing needs to know about its directory; Directory tells. */
export interface ListedDirectory {
  readonly dir: Inode;
  readonly names: NameScheme;
  readonly isIndexed: boolean;
  readonly isInline: boolean;
}

export interface ListingDependencies {
  readonly blocks: DirectoryBlocks;
  readonly rules: EntryRules;
  readonly hash: NameHash;
  /** The listing's own: a visitor may look names up. */
  readonly cursor: IndexCursor;
  readonly inline: InlineEntries;
  readonly defaultHashVersion: number;
  readonly report: (error: FilesystemError) => void;
}

/**
 * Lists directories from any position, in an order that a directory keeps while it changes: an entry
 * that exists throughout a listing is given exactly once. Indexed directories, and those that will be
 * indexed when they grow, are listed in hash order; the rest in the order of their blocks, where
 * entries never move.
 */
export class Listing {
  readonly #blocks: DirectoryBlocks;
  readonly #rules: EntryRules;
  readonly #hash: NameHash;
  readonly #cursor: IndexCursor;
  readonly #inline: InlineEntries;
  readonly #defaultHashVersion: number;
  readonly #report: (error: FilesystemError) => void;
  readonly #walk: BlockWalk;
  readonly #run = new EntryRun();
  readonly #entry = new DirectoryEntry();
  readonly #ordered: readonly OrderedEntries[];
  #nextOrdered = 0;

  constructor({ blocks, rules, hash, cursor, inline, defaultHashVersion, report }: ListingDependencies) {
    this.#blocks = blocks;
    this.#rules = rules;
    this.#hash = hash;
    this.#cursor = cursor;
    this.#inline = inline;
    this.#defaultHashVersion = defaultHashVersion;
    this.#report = report;
    this.#walk = new BlockWalk(blocks);
    this.#ordered = Array.from({ length: REMEMBERED_LEAVES }, () => new OrderedEntries(blocks.blockSize, hash));
  }

  /** @param parent number of the inode that ".." shows, 0 to leave it out */
  list(listed: ListedDirectory, parent: number, position: number, visit: EntryVisitor): void {
    const { dir } = listed;
    if (position < 1 && !this.#visitDots(dir.number, 1, visit)) return;
    if (position < AFTER_DOTS && parent !== 0 && !this.#visitDots(parent, AFTER_DOTS, visit)) return;
    const version = position < BLOCK_ORDER ? this.#orderingHash(listed, position <= AFTER_DOTS) : NO_HASH;
    if (version !== NO_HASH) this.#listByHash(listed, version, Math.max(0, position - AFTER_DOTS), visit);
    else if (listed.isInline) this.#listInline(listed, Math.max(0, position - BLOCK_ORDER), visit);
    else this.#listByBlock(listed, Math.max(0, position - BLOCK_ORDER), visit);
  }

  /** Visits "." or "..", told apart by the length that is also the position after them. */
  #visitDots(inode: number, length: number, visit: EntryVisitor): boolean {
    const entry = this.#entry;
    entry.inode = inode;
    entry.fileType = this.#rules.hasFileType ? layout.EntryType.DIRECTORY : layout.EntryType.UNKNOWN;
    entry.bytes = DOTS;
    entry.nameOffset = 0;
    entry.nameLength = length;
    entry.position = length;
    return visit(entry);
  }

  /**
   * The hash that orders the directory, NO_HASH where block order it is. A listing that begins must be
   * able to end in the same order: then the whole index is checked, so that damage is known in time.
   */
  #orderingHash({ dir, isIndexed, isInline }: ListedDirectory, begins: boolean): number {
    if (!isIndexed) {
      if (!this.#rules.hasIndexes || !(isInline || this.#blocks.count(dir) === 1)) return NO_HASH;
      if (this.#rules.storesHashes(dir)) return HashVersion.SIPHASH;
      return this.#defaultHashVersion <= HashVersion.TEA ? this.#hash.effectiveVersion(this.#defaultHashVersion) : NO_HASH;
    }
    try {
      this.#cursor.open(dir);
      if (begins) this.#cursor.verify(dir);
      return this.#hash.effectiveVersion(this.#cursor.hashVersion);
    } catch (error) {
      if (!begins || !isIndexDamage(error)) throw error;
      this.#report(error);
      return NO_HASH;
    }
  }

  #listByHash(listed: ListedDirectory, version: number, firstKey: number, visit: EntryVisitor): void {
    let key = firstKey;
    for (let walked = 1; ; walked++) {
      const ordered = this.#orderedFrom(listed, version, hashOfKey(key));
      if (!this.#visitOrdered(listed, version, ordered, key, visit)) return;
      if (ordered.high === HASH_END) return;
      key = keyOfHash(ordered.high);
      this.#blocks.trimAfter(listed.dir, walked);
    }
  }

  #visitOrdered(listed: ListedDirectory, version: number, ordered: OrderedEntries, firstKey: number, visit: EntryVisitor): boolean {
    let loaded = -1;
    for (let index = ordered.firstAtOrAfter(firstKey); index < ordered.count; index++) {
      const run = ordered.runOf(index);
      if (run !== loaded) this.#load(listed, run, ordered.leaves[run] as number);
      loaded = run;
      const next = AFTER_DOTS + ordered.key(index) + 1;
      if (!this.#visitEntry(listed, version, ordered.entryOf(index), next, visit)) return false;
    }
    return true;
  }

  /** The leaf, or the leaves continuing each other, in which a hash belongs: as remembered, or gathered anew. */
  #orderedFrom(listed: ListedDirectory, version: number, major: number): OrderedEntries {
    const inode = listed.dir.number;
    for (const known of this.#ordered) {
      if (known.inode === inode && known.low <= major && major < known.high && this.#isFresh(listed, known)) return known;
    }
    const ordered = this.#ordered[this.#nextOrdered++ % REMEMBERED_LEAVES] as OrderedEntries;
    this.#gather(listed, version, major, ordered);
    return ordered;
  }

  /** Whether no block was reloaded or changed since: what lies at a remembered place is what was checked. */
  #isFresh({ dir }: ListedDirectory, { leaves, loads }: OrderedEntries): boolean {
    for (let run = 0; run < leaves.length; run++) {
      if ((this.#blocks.get(dir, leaves[run] as number)?.load ?? 0) !== loads[run]) return false;
    }
    return true;
  }

  #gather(listed: ListedDirectory, version: number, major: number, ordered: OrderedEntries): void {
    const { dir, isIndexed, isInline } = listed;
    const cursor = this.#cursor;
    if (isIndexed) {
      cursor.open(dir);
      cursor.seek(dir, major);
      ordered.reset(cursor.low);
      do this.#gatherRun(listed, version, cursor.leaf, cursor.nextHash, ordered);
      while (cursor.nextHash % 2 === 1 && cursor.next(dir));
    } else {
      ordered.reset(0);
      for (let run = 0; run < (isInline ? InlineEntries.RUNS : 1); run++) this.#gatherRun(listed, version, 0, HASH_END, ordered);
    }
    ordered.sort();
    // What an inode holds is too little to remember.
    if (!isInline) ordered.inode = dir.number;
  }

  #gatherRun(listed: ListedDirectory, version: number, leaf: number, high: number, ordered: OrderedEntries): void {
    const load = this.#load(listed, ordered.leaves.length, leaf);
    ordered.add(leaf, load, high, this.#run, listed.names, version);
  }

  /**
   * Makes `#run` a leaf, or the run of that index in an inode, as far as its entries are sound.
   *
   * @returns the load of the block, 0 without one
   */
  #load({ dir, isInline }: ListedDirectory, index: number, leaf: number): number {
    const run = this.#run;
    let error: CorruptionError | undefined;
    let load = 0;
    if (isInline) {
      error = this.#inline.entries(dir, index, run);
    } else {
      const block = this.#blocks.get(dir, leaf);
      load = block?.load ?? 0;
      if (block === undefined) run.set(run.bytes, run.view, 0, 0, 0);
      else error = this.#blocks.entries(dir, block, run);
    }
    if (error !== undefined) this.#report(error);
    return load;
  }

  #listByBlock(listed: ListedDirectory, firstByte: number, visit: EntryVisitor): void {
    const { dir, isIndexed } = listed;
    const { blockSize } = this.#blocks;
    const walk = this.#walk;
    walk.begin(dir, Math.floor(firstByte / blockSize));
    for (let block = walk.next(dir); block !== undefined; block = walk.next(dir)) {
      if (isIndexed && this.#blocks.isIndexNode(block, walk.logical)) continue;
      const error = this.#blocks.entries(dir, block, this.#run);
      if (error !== undefined) this.#report(error);
      if (!this.#visitRun(listed, walk.logical * blockSize, firstByte, visit)) return;
    }
  }

  #listInline(listed: ListedDirectory, firstByte: number, visit: EntryVisitor): void {
    for (let index = 0; index < InlineEntries.RUNS; index++) {
      this.#load(listed, index, 0);
      if (!this.#visitRun(listed, this.#inline.position(index), firstByte, visit)) return;
    }
  }

  /** Walks a run from its start, since a position may be where an entry was that is gone. */
  #visitRun(listed: ListedDirectory, position: number, firstByte: number, visit: EntryVisitor): boolean {
    const { bytes, view, start, end } = this.#run;
    for (let entry = start; entry < end; ) {
      const following = entry + layout.recordLength(view, entry, this.#blocks.blockSize);
      const isListed =
        position + entry - start >= firstByte &&
        layout.entryInode(view, entry) !== 0 &&
        !layout.isDotName(bytes, layout.nameStart(entry), layout.nameLength(view, entry));
      if (isListed && !this.#visitEntry(listed, NO_HASH, entry, BLOCK_ORDER + position + following - start, visit)) return false;
      entry = following;
    }
    return true;
  }

  #visitEntry({ dir, names }: ListedDirectory, version: number, at: number, next: number, visit: EntryVisitor): boolean {
    const run = this.#run;
    const entry = this.#entry;
    if (!names.show(version, run, at, entry)) {
      this.#report(new CorruptionError('directory block', { inode: dir.number, block: run.block, offset: at }, 'the name is not one that can be shown'));
      return true;
    }
    entry.inode = layout.entryInode(run.view, at);
    entry.fileType = this.#rules.fileType(run.view, at);
    entry.position = next;
    return visit(entry);
  }
}
