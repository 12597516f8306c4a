import { Verified, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError, errno, OperationError } from '../errors.js';
import type { Inode } from '../inode.js';
import * as entries from '../layout/directory-entry.js';
import * as htree from '../layout/htree.js';
import type { Name } from '../namespace/name.js';
import type { DirectoryBlockEditor } from './block-editor.js';
import type { DirectoryBlocks } from './blocks.js';
import { EntryRun, type EntryRules } from './entry-run.js';
import type { NameHash } from './hash.js';
import type { IndexCursor } from './index-cursor.js';
import type { NameScheme } from './names.js';

/** An entry of a leaf that is being split. */
interface HashedEntry {
  readonly hash: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * Grows the index of a directory: leaves are split by the hashes of their names, nodes when they are
 * full, and the root hands its entries down to a new level when it is.
 */
export class IndexEditor {
  readonly #blocks: DirectoryBlocks;
  readonly #rules: EntryRules;
  readonly #editor: DirectoryBlockEditor;
  readonly #hash: NameHash;
  readonly #cursor: IndexCursor;
  readonly #run = new EntryRun();
  readonly #newRun = new EntryRun();
  readonly #copy: Uint8Array;
  readonly #copyView: DataView;
  readonly #defaultVersion: number;

  constructor(blocks: DirectoryBlocks, rules: EntryRules, editor: DirectoryBlockEditor, hash: NameHash, cursor: IndexCursor, defaultVersion: number) {
    this.#blocks = blocks;
    this.#rules = rules;
    this.#editor = editor;
    this.#hash = hash;
    this.#cursor = cursor;
    this.#defaultVersion = defaultVersion;
    this.#copy = new Uint8Array(blocks.blockSize);
    this.#copyView = new DataView(this.#copy.buffer);
  }

  /**
   * Turns a directory of one block into an indexed one: what followed ".." moves into a leaf of its
   * own, and the block becomes the root.
   */
  create(dir: Inode): void {
    const root = this.#block(dir, 0);
    const leaf = this.#editor.append(dir, Verified.DirectoryLeaf);
    const { blockSize, hasChecksums, hasFileType } = this.#rules;
    this.#editor.modifyNode(dir, root);
    const { view, bytes } = root;
    const dotDot = entries.recordLength(view, 0, blockSize);
    const parent = entries.entryInode(view, dotDot);
    this.#copy.set(bytes);
    this.#editor.initialiseLeaf(leaf.block, this.#newRun);
    const first = dotDot + entries.recordLength(view, dotDot, blockSize);
    const end = this.#newRun.end;
    this.#packInto(this.#newRun, this.#entriesOf(this.#copyView, first, end, undefined, undefined));

    bytes.fill(0);
    const type = hasFileType ? entries.EntryType.DIRECTORY : 0;
    entries.writeEntry(view, bytes, 0, entries.MIN_ENTRY_SIZE, dir.number, type, DOTS, 0, 1);
    entries.writeEntry(view, bytes, entries.MIN_ENTRY_SIZE, blockSize - entries.MIN_ENTRY_SIZE, parent, type, DOTS, 0, 2);
    htree.writeRootInfo(view, this.#defaultVersion);
    const reserved = htree.ROOT_ENTRIES + (hasChecksums ? htree.INDEX_TAIL_SIZE : 0);
    htree.setIndexLimit(view, htree.ROOT_ENTRIES, htree.indexCapacity(blockSize, reserved));
    htree.setIndexCount(view, htree.ROOT_ENTRIES, 1);
    htree.setIndexEntry(view, htree.ROOT_ENTRIES, 0, 0, leaf.logical);
    root.markVerified(Verified.HtreeNode, dir.number);
  }

  /**
   * Finds the leaf for a name. The cursor stands on it afterwards.
   * @returns the leaf, its entries in `run`
   */
  seek(dir: Inode, names: NameScheme, name: Name, run: EntryRun): CachedBlock {
    const cursor = this.#cursor;
    cursor.open(dir);
    names.prepare(name.bytes, name.offset, name.length);
    if (!names.hashPrepared(this.#hash.effectiveVersion(cursor.hashVersion))) throw new OperationError(errno.ENOKEY, 'the name cannot be hashed without its key');
    cursor.seek(dir, this.#hash.major);
    return this.#leaf(dir, cursor.leaf, run);
  }

  /**
   * Splits the leaf that the cursor stands on.
   * @returns the half in which a name with the hash looked for belongs, its entries in `run`
   * @throws OperationError ENOSPC where the index cannot grow
   */
  splitLeaf(dir: Inode, names: NameScheme, wanted: number, run: EntryRun): CachedBlock {
    this.#makeRoom(dir);
    const leaf = this.#leaf(dir, this.#cursor.leaf, this.#run);
    const added = this.#editor.append(dir, Verified.DirectoryLeaf);
    this.#editor.modifyLeaf(dir, leaf);
    const { start, end } = this.#run;
    this.#copy.set(leaf.bytes);
    const all = this.#entriesOf(this.#copyView, start, end, names, this.#run);
    all.sort((a, b) => a.hash - b.hash || a.offset - b.offset);
    const at = splitPoint(all, end - start);
    const upper = all[at];
    if (upper === undefined) throw new CorruptionError('directory block', { inode: dir.number, block: leaf.number }, 'a full block has fewer than two entries');
    const isContinued = all[at - 1]?.hash === upper.hash;
    this.#editor.initialiseLeaf(leaf, this.#run);
    this.#packInto(this.#run, all.slice(0, at));
    this.#editor.initialiseLeaf(added.block, this.#newRun);
    this.#packInto(this.#newRun, all.slice(at));
    leaf.markVerified(Verified.DirectoryLeaf, dir.number);
    this.#insertIndex(dir, this.#cursor.levels, upper.hash + (isContinued ? 1 : 0), added.logical);
    const goesUp = wanted >= upper.hash;
    const chosen = goesUp ? this.#newRun : this.#run;
    run.set(chosen.bytes, chosen.view, chosen.start, chosen.end, chosen.block);
    return goesUp ? added.block : leaf;
  }

  /** Sees to it that the lowest node on the way to the leaf can take one more entry. */
  #makeRoom(dir: Inode): void {
    const cursor = this.#cursor;
    let level = cursor.levels;
    // Every full node up to the first that has room must be split, from the top down.
    while (level >= 0 && this.#isFull(level)) level--;
    if (level < 0) {
      this.#growRoot(dir);
      level = 0;
    }
    for (let split = level + 1; split <= cursor.levels; split++) if (this.#isFull(split)) this.#splitNode(dir, split);
  }

  #isFull(level: number): boolean {
    const { view, entries: at } = this.#cursor.frame(level);
    return htree.indexCount(view, at) >= htree.indexLimit(view, at);
  }

  /** Moves all entries of the root into a new node below it. */
  #growRoot(dir: Inode): void {
    const cursor = this.#cursor;
    if (cursor.levels >= cursor.maxLevels) throw new OperationError(errno.ENOSPC, `directory ${dir.number}: its index is full`);
    const added = this.#editor.append(dir, Verified.HtreeNode);
    const root = this.#block(dir, 0);
    this.#editor.modifyNode(dir, root);
    this.#editor.initialiseNode(added.block);
    const count = htree.indexCount(root.view, htree.ROOT_ENTRIES);
    this.#moveEntries(root, htree.ROOT_ENTRIES, 0, count, added.block);
    htree.setIndexCount(root.view, htree.ROOT_ENTRIES, 1);
    htree.setIndexEntry(root.view, htree.ROOT_ENTRIES, 0, 0, added.logical);
    htree.setRootIndirectLevels(root.view, cursor.levels + 1);
    cursor.pushLevel(added.block.view, htree.NODE_ENTRIES, added.logical);
  }

  /** Moves the upper half of a full node into a new one beside it; the cursor stays on its entry. */
  #splitNode(dir: Inode, level: number): void {
    const cursor = this.#cursor;
    const frame = cursor.frame(level);
    const node = this.#block(dir, frame.node);
    const added = this.#editor.append(dir, Verified.HtreeNode);
    this.#editor.modifyNode(dir, node);
    this.#editor.initialiseNode(added.block);
    const count = htree.indexCount(node.view, htree.NODE_ENTRIES);
    const kept = count >>> 1;
    const hash = htree.indexHash(node.view, htree.NODE_ENTRIES, kept);
    this.#moveEntries(node, htree.NODE_ENTRIES, kept, count, added.block);
    htree.setIndexCount(node.view, htree.NODE_ENTRIES, kept);
    const { index } = frame;
    this.#insertIndex(dir, level - 1, hash, added.logical);
    if (index >= kept) {
      cursor.replaceFrame(level, added.block.view, htree.NODE_ENTRIES, added.logical, index - kept);
      cursor.advance(level - 1);
    } else {
      cursor.replaceFrame(level, node.view, htree.NODE_ENTRIES, frame.node, index);
    }
  }

  #moveEntries(from: CachedBlock, at: number, first: number, end: number, to: CachedBlock): void {
    const limit = htree.indexLimit(to.view, htree.NODE_ENTRIES);
    const source = from.bytes.subarray(at + first * htree.INDEX_ENTRY_SIZE, at + end * htree.INDEX_ENTRY_SIZE);
    to.bytes.set(source, htree.NODE_ENTRIES);
    htree.setIndexLimit(to.view, htree.NODE_ENTRIES, limit);
    htree.setIndexCount(to.view, htree.NODE_ENTRIES, end - first);
  }

  /** Puts an entry behind the one that the cursor took on a level. */
  #insertIndex(dir: Inode, level: number, hash: number, target: number): void {
    const frame = this.#cursor.frame(level);
    const block = this.#block(dir, frame.node);
    this.#editor.modifyNode(dir, block);
    const { view, bytes } = block;
    const count = htree.indexCount(view, frame.entries);
    const at = frame.entries + (frame.index + 1) * htree.INDEX_ENTRY_SIZE;
    bytes.copyWithin(at + htree.INDEX_ENTRY_SIZE, at, frame.entries + count * htree.INDEX_ENTRY_SIZE);
    htree.setIndexEntry(view, frame.entries, frame.index + 1, hash, target);
    htree.setIndexCount(view, frame.entries, count + 1);
  }

  #block(dir: Inode, logical: number): CachedBlock {
    const block = this.#blocks.get(dir, logical);
    if (block === undefined) throw new CorruptionError('htree', { inode: dir.number, offset: logical * this.#blocks.blockSize }, 'a block of the directory is a hole');
    return block;
  }

  #leaf(dir: Inode, logical: number, run: EntryRun): CachedBlock {
    const block = this.#block(dir, logical);
    const damage = this.#blocks.entries(dir, block, run);
    if (damage !== undefined) throw damage;
    return block;
  }

  /** @param names what hashes them; undefined where the order does not matter */
  #entriesOf(view: DataView, start: number, end: number, names: NameScheme | undefined, run: EntryRun | undefined): HashedEntry[] {
    const { blockSize } = this.#rules;
    const version = this.#hash.effectiveVersion(this.#cursor.hashVersion);
    const all: HashedEntry[] = [];
    for (let offset = start; offset < end; offset += entries.recordLength(view, offset, blockSize)) {
      if (entries.entryInode(view, offset) === 0) continue;
      if (names !== undefined && run !== undefined) names.hashEntry(version, run, offset);
      all.push({ hash: this.#hash.major, offset, size: entries.entrySize(entries.nameLength(view, offset), false) });
    }
    return all;
  }

  /** Writes the chosen entries of the copy into an empty run, one behind the other. */
  #packInto(run: EntryRun, chosen: readonly HashedEntry[]): void {
    let at = run.start;
    for (const [index, entry] of chosen.entries()) {
      run.bytes.set(this.#copy.subarray(entry.offset, entry.offset + entry.size), at);
      const isLast = index === chosen.length - 1;
      entries.setRecordLength(run.view, at, isLast ? run.end - at : entry.size);
      at += entry.size;
    }
  }
}

const DOTS = Uint8Array.of(0x2e, 0x2e);

/** Where to cut sorted entries so that both halves take about as much room; at least one stays on either side. */
function splitPoint(all: readonly HashedEntry[], room: number): number {
  let size = 0;
  let at = all.length;
  while (at > 1) {
    const next = (all[at - 1] as HashedEntry).size;
    if (size + next / 2 > room / 2) break;
    size += next;
    at--;
  }
  return Math.min(at, all.length - 1);
}
