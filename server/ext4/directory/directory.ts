import type { BlockCache, CachedBlock } from '../cache/block-cache.js';
import { CorruptionError, type FilesystemError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { Inode } from '../inode.js';
import * as layout from '../layout/directory-entry.js';
import type { Superblock } from '../layout/superblock.js';
import type { Name } from '../namespace/name.js';
import type { FileMapping } from '../mapping/file-mapping.js';
import { BlockWalk } from './block-walk.js';
import { DirectoryBlocks } from './blocks.js';
import { EncryptedNames } from './encrypted-names.js';
import { EntryRules, EntryRun } from './entry-run.js';
import { FoldedNames } from './folded-names.js';
import { NameHash } from './hash.js';
import { IndexCursor, isIndexDamage } from './index-cursor.js';
import { InlineEntries, type InlineLocator } from './inline-entries.js';
import { Listing, type EntryVisitor } from './listing.js';
import { PlainNames, type NameScheme } from './names.js';

export { DirectoryEntry, type EntryVisitor } from './listing.js';

/** s_encoding: UTF-8 with the tables of Unicode 12.1, the only one there is. */
const UTF8 = 1;
/** s_encoding_flags: names that are not UTF-8 are refused. */
const STRICT = 1;

/** What changing directories shares with reading them. */
export interface DirectoryInternals {
  readonly rules: EntryRules;
  readonly blocks: DirectoryBlocks;
  readonly inline: InlineEntries;
  readonly hash: NameHash;
  readonly cursor: IndexCursor;
  readonly namesOf: (dir: Inode) => NameScheme;
}

/** Where an entry is. */
export interface LocatedEntry {
  readonly entry: number;
  /** Undefined for one in the inode itself. */
  readonly block: CachedBlock | undefined;
}

export interface DirectoryDependencies {
  readonly superblock: Superblock;
  readonly cache: BlockCache;
  readonly geometry: Geometry;
  readonly mapping: FileMapping;
  readonly inline: InlineLocator;
  /** Is told of damage that was worked around: the same damage at every access. */
  readonly report: (error: FilesystemError) => void;
}

/**
 * The directories of one filesystem. Where a directory is damaged, what is sound is still found and
 * listed, as the kernel does, and the damage is reported; only that a name does not exist is never
 * said on the ground of damaged blocks.
 *
 * A walk over more than 16 MiB of blocks lets the block cache shrink: the directory's own inode
 * stays bound, others have to be asked for again after a call.
 */
export class Directory {
  readonly #rules: EntryRules;
  readonly #blocks: DirectoryBlocks;
  readonly #inline: InlineEntries;
  readonly #hash: NameHash;
  readonly #cursor: IndexCursor;
  readonly #walk: BlockWalk;
  readonly #run = new EntryRun();
  readonly #listing: Listing;
  readonly #plainNames: NameScheme;
  readonly #foldedNames: NameScheme | undefined;
  readonly #encryptedNames: NameScheme;
  readonly #inodesCount: number;
  readonly #report: (error: FilesystemError) => void;
  /** Where the last successful search found its entry; undefined for one in the inode itself. */
  #foundBlock: CachedBlock | undefined;
  #foundEntry = -1;

  constructor({ superblock, cache, geometry, mapping, inline, report }: DirectoryDependencies) {
    const largeDirectories = superblock.features.hasIncompat('LARGEDIR');
    this.#rules = new EntryRules(superblock);
    this.#blocks = new DirectoryBlocks(cache, geometry, mapping, this.#rules);
    this.#inline = new InlineEntries(inline, this.#rules);
    this.#hash = new NameHash(superblock.hashSeed, superblock.flags);
    this.#cursor = new IndexCursor(this.#blocks, this.#rules, largeDirectories);
    this.#walk = new BlockWalk(this.#blocks);
    this.#plainNames = new PlainNames(this.#hash, superblock.blockSize);
    this.#foldedNames = superblock.encoding === UTF8 ? new FoldedNames(this.#hash, superblock.blockSize, (superblock.encodingFlags & STRICT) !== 0) : undefined;
    this.#encryptedNames = new EncryptedNames(this.#hash, superblock.blockSize);
    this.#inodesCount = superblock.inodesCount;
    this.#report = report;
    this.#listing = new Listing({
      blocks: this.#blocks,
      rules: this.#rules,
      hash: this.#hash,
      cursor: new IndexCursor(this.#blocks, this.#rules, largeDirectories),
      inline: this.#inline,
      defaultHashVersion: superblock.defaultHashVersion,
      report,
    });
  }

  /**
   * @param name bytes of which [nameOffset, nameOffset+nameLength) is the name
   * @returns the inode number, 0 where there is no such name
   * @throws CorruptionError where damage hides whether there is
   */
  lookup(dir: Inode, name: Uint8Array, nameOffset: number, nameLength: number): number {
    if (nameLength === 0 || nameLength > layout.MAX_NAME_LENGTH) return 0;
    if (layout.isDotName(name, nameOffset, nameLength)) return nameLength === 1 ? dir.number : this.parent(dir);
    const names = this.#namesOf(dir);
    if (!names.prepare(name, nameOffset, nameLength)) return 0;
    if (dir.hasFlag('INLINE_DATA')) return this.#searchInline(dir, names);
    const found = this.#isIndexed(dir) ? this.#searchIndexed(dir, names) : -1;
    return found >= 0 ? found : this.#searchEveryBlock(dir, names);
  }

  /** What changing directories shares with reading them. */
  get internals(): DirectoryInternals {
    return {
      rules: this.#rules,
      blocks: this.#blocks,
      inline: this.#inline,
      hash: this.#hash,
      cursor: this.#cursor,
      namesOf: (dir) => this.#namesOf(dir),
    };
  }

  /**
   * Finds the entry of a name.
   *
   * @param run becomes the entries among which it is
   * @returns undefined where there is no such name
   */
  locate(dir: Inode, name: Name, run: EntryRun): LocatedEntry | undefined {
    this.#foundEntry = -1;
    if (this.lookup(dir, name.bytes, name.offset, name.length) === 0 || this.#foundEntry < 0) return undefined;
    const { bytes, view, start, end, block } = this.#run;
    run.set(bytes, view, start, end, block);
    return { entry: this.#foundEntry, block: this.#foundBlock };
  }

  /**
   * Visits entries from a position on until `visit` answers false. Position 0 is the beginning; an
   * entry's `position` is where to go on after it. Positions are below 2^53, and keep their meaning
   * while the directory changes.
   */
  iterate(dir: Inode, position: number, visit: EntryVisitor): void {
    const listed = { dir, names: this.#namesOf(dir), isIndexed: this.#isIndexed(dir), isInline: dir.hasFlag('INLINE_DATA') };
    this.#listing.list(listed, position < 2 ? this.#parentOrNone(dir) : 0, position, visit);
  }

  /** Whether nothing but "." and ".." is in it. A damaged directory is not empty. */
  isEmpty(dir: Inode): boolean {
    const run = this.#run;
    if (dir.hasFlag('INLINE_DATA')) {
      for (let index = 0; index < InlineEntries.RUNS; index++) {
        if (this.#isDamaged(this.#inline.entries(dir, index, run)) || !this.#isRunEmpty(run)) return false;
      }
      return true;
    }
    const isIndexed = this.#isIndexed(dir);
    const walk = this.#walk;
    walk.begin(dir, 0);
    for (let block = walk.next(dir); block !== undefined; block = walk.next(dir)) {
      if (isIndexed && this.#blocks.isIndexNode(block, walk.logical)) continue;
      if (this.#isDamaged(this.#blocks.entries(dir, block, run)) || !this.#isRunEmpty(run)) return false;
    }
    return true;
  }

  /**
   * The inode number of "..".
   * @throws CorruptionError where there is none, or none that can be
   */
  parent(dir: Inode): number {
    const number = dir.hasFlag('INLINE_DATA') ? this.#inline.parent(dir) : this.#dotDotInode(dir);
    if (number < 1 || number > this.#inodesCount) {
      throw new CorruptionError('directory block', { inode: dir.number }, `".." leads to inode ${number}, which does not exist`);
    }
    return number;
  }

  #namesOf(dir: Inode): NameScheme {
    if (dir.hasFlag('ENCRYPT')) return this.#encryptedNames;
    return this.#foldedNames !== undefined && dir.hasFlag('CASEFOLD') ? this.#foldedNames : this.#plainNames;
  }

  #isIndexed(dir: Inode): boolean {
    return this.#rules.hasIndexes && dir.hasFlag('INDEX') && !dir.hasFlag('INLINE_DATA');
  }

  /** @returns the inode number, 0 where the index leads to no such name, -1 where it cannot be used */
  #searchIndexed(dir: Inode, names: NameScheme): number {
    const cursor = this.#cursor;
    try {
      cursor.open(dir);
      if (!names.hashPrepared(this.#hash.effectiveVersion(cursor.hashVersion))) return -1;
      const { major } = this.#hash;
      cursor.seek(dir, major);
      do {
        const found = this.#searchLeaf(dir, cursor.leaf, names);
        if (found !== 0) return found;
      } while (cursor.isContinued(major) && cursor.next(dir));
      return 0;
    } catch (error) {
      if (!isIndexDamage(error)) throw error;
      this.#report(error);
      return -1;
    }
  }

  #searchLeaf(dir: Inode, leaf: number, names: NameScheme): number {
    const block = this.#blocks.get(dir, leaf);
    if (block === undefined) throw new CorruptionError('htree', { inode: dir.number, offset: leaf * this.#blocks.blockSize }, 'a leaf is in a hole');
    const error = this.#blocks.entries(dir, block, this.#run);
    const entry = names.find(this.#run);
    if (entry >= 0) return this.#found(block, entry);
    if (error !== undefined) throw error;
    return 0;
  }

  #searchEveryBlock(dir: Inode, names: NameScheme): number {
    const isIndexed = this.#isIndexed(dir);
    const run = this.#run;
    const walk = this.#walk;
    let damage: CorruptionError | undefined;
    walk.begin(dir, 0);
    for (let block = walk.next(dir); block !== undefined; block = walk.next(dir)) {
      if (isIndexed && this.#blocks.isIndexNode(block, walk.logical)) continue;
      damage = this.#blocks.entries(dir, block, run) ?? damage;
      const entry = names.find(run);
      if (entry >= 0) return this.#found(block, entry);
    }
    if (damage !== undefined) throw damage;
    return 0;
  }

  #searchInline(dir: Inode, names: NameScheme): number {
    const run = this.#run;
    let damage: CorruptionError | undefined;
    for (let index = 0; index < InlineEntries.RUNS; index++) {
      damage = this.#inline.entries(dir, index, run) ?? damage;
      const entry = names.find(run);
      if (entry >= 0) return this.#found(undefined, entry);
    }
    if (damage !== undefined) throw damage;
    return 0;
  }

  #found(block: CachedBlock | undefined, entry: number): number {
    this.#foundBlock = block;
    this.#foundEntry = entry;
    return layout.entryInode(this.#run.view, entry);
  }

  #isDamaged(error: CorruptionError | undefined): boolean {
    if (error !== undefined) this.#report(error);
    return error !== undefined;
  }

  #isRunEmpty({ bytes, view, start, end }: EntryRun): boolean {
    for (let entry = start; entry < end; entry += layout.recordLength(view, entry, this.#blocks.blockSize)) {
      if (layout.entryInode(view, entry) !== 0 && !layout.isDotName(bytes, layout.nameStart(entry), layout.nameLength(view, entry))) return false;
    }
    return true;
  }

  #parentOrNone(dir: Inode): number {
    try {
      return this.parent(dir);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#report(error);
      return 0;
    }
  }

  #dotDotInode(dir: Inode): number {
    const block = this.#blocks.get(dir, 0);
    if (block === undefined) throw new CorruptionError('directory block', { inode: dir.number, offset: 0 }, 'the first block is missing');
    this.#verifyFirst(dir, block);
    const { bytes, view, number } = block;
    const { blockSize } = this.#blocks;
    const dotDot = layout.recordLength(view, 0, blockSize);
    const isThere =
      dotDot >= layout.MIN_ENTRY_SIZE &&
      dotDot % 4 === 0 &&
      dotDot + layout.MIN_ENTRY_SIZE <= blockSize &&
      layout.nameLength(view, dotDot) === 2 &&
      layout.isDotName(bytes, layout.nameStart(dotDot), 2);
    if (!isThere) throw new CorruptionError('directory block', { inode: dir.number, block: number, offset: dotDot }, 'there is no ".." after the first entry');
    return layout.entryInode(view, dotDot);
  }

  /** Only a block whose checksum is wrong cannot say who the parent is; other damage does not touch "..". */
  #verifyFirst(dir: Inode, block: CachedBlock): void {
    if (this.#isIndexed(dir) && this.#blocks.isIndexNode(block, 0)) {
      try {
        this.#cursor.open(dir);
      } catch (error) {
        if (!isIndexDamage(error)) throw error;
        this.#report(error);
      }
      return;
    }
    const error = this.#blocks.entries(dir, block, this.#run);
    if (error !== undefined && this.#run.end === 0) throw error;
  }
}
