import { Verified, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError } from '../errors.js';
import type { Inode } from '../inode.js';
import * as entry from '../layout/directory-entry.js';
import * as layout from '../layout/htree.js';
import type { DirectoryBlocks } from './blocks.js';
import type { EntryRules } from './entry-run.js';
import { HashVersion } from './hash.js';

const MAX_DEPTH = layout.MAX_INDIRECT_LEVELS_LARGE + 1;
/** Above every hash. */
export const HASH_END = 0x100000000;

/** Where the cursor is in one node on its way down. */
export interface IndexFrame {
  readonly view: DataView;
  readonly entries: number;
  readonly index: number;
  readonly node: number;
}

class Frame implements IndexFrame {
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the entries begin, how many there are, and which one was taken. */
  entries = 0;
  count = 0;
  index = 0;
  /** Logical block of the node. */
  node = 0;

  set(view: DataView, entries: number, node: number, index: number): void {
    this.view = view;
    this.entries = entries;
    this.count = layout.indexCount(view, entries);
    this.node = node;
    this.index = index;
  }
}

/**
 * A place in the index of a directory: from a hash to the leaf that holds names with it, and on to
 * the next leaf. Valid within one operation, like the blocks it walks. Every method throws a
 * CorruptionError of structure 'htree' where the index is damaged.
 */
export class IndexCursor {
  /** As the root has it, signed and unsigned not yet told apart. */
  hashVersion = 0;
  /** Logical block of the leaf. */
  leaf = 0;
  /** Hash with which the leaf begins; its lowest bit is set where the leaf continues the hash of the one before. */
  low = 0;
  readonly #blocks: DirectoryBlocks;
  readonly #rules: EntryRules;
  readonly #maxLevels: number;
  readonly #frames = Array.from({ length: MAX_DEPTH }, () => new Frame());
  #levels = 0;
  /** Blocks of the directory: more leaves than that, and a leaf is met twice. */
  #leafCount = 0;
  #steps = 0;

  /** @param largeDirectories whether the filesystem has the large_dir feature */
  constructor(blocks: DirectoryBlocks, rules: EntryRules, largeDirectories: boolean) {
    this.#blocks = blocks;
    this.#rules = rules;
    this.#maxLevels = largeDirectories ? layout.MAX_INDIRECT_LEVELS_LARGE : layout.MAX_INDIRECT_LEVELS;
  }

  /** Reads the root. */
  open(dir: Inode): void {
    const block = this.#blocks.get(dir, 0);
    if (block === undefined) throw this.#fault(dir, 0, 'the root is in a hole');
    const { view } = block;
    // Asked each time: a damaged directory may have the same block as its root and as another node.
    if (!this.#blocks.isIndexNode(block, 0)) throw this.#fault(dir, 0, 'the first block is not the root of an index');
    if (!block.isVerified(Verified.HtreeNode, dir.number)) {
      this.#verifyRoot(dir, block);
      this.#verifyNode(dir, block, layout.ROOT_ENTRIES, layout.ROOT_ENTRIES);
    }
    this.hashVersion = layout.rootHashVersion(view);
    this.#levels = layout.rootIndirectLevels(view);
    this.#leafCount = this.#blocks.count(dir);
    this.#enter(0, view, layout.ROOT_ENTRIES, 0);
  }

  /** Goes from the root to the first leaf that can hold `hash`. */
  seek(dir: Inode, hash: number): void {
    this.low = 0;
    this.#steps = 0;
    for (let level = 0; ; level++) {
      const frame = this.#frames[level] as Frame;
      frame.index = search(frame, hash);
      if (frame.index > 0) this.low = layout.indexHash(frame.view, frame.entries, frame.index);
      if (level === this.#levels) break;
      this.#descend(dir, level);
    }
    this.#takeLeaf(dir);
  }

  /** Levels of nodes below the root. */
  get levels(): number {
    return this.#levels;
  }

  get maxLevels(): number {
    return this.#maxLevels;
  }

  /** The node on a level, the root's being 0, and the entry taken in it. */
  frame(level: number): Readonly<IndexFrame> {
    return this.#frames[level] as Frame;
  }

  /** A level was put below the root: the node has all the entries that the root had. */
  pushLevel(view: DataView, entries: number, node: number): void {
    for (let level = this.#levels; level >= 0; level--) {
      const from = this.#frames[level] as Frame;
      (this.#frames[level + 1] as Frame).set(from.view, from.entries, from.node, from.index);
    }
    this.#levels++;
    const root = this.#frames[0] as Frame;
    const { index } = root;
    root.set(root.view, root.entries, root.node, 0);
    (this.#frames[1] as Frame).set(view, entries, node, index);
  }

  replaceFrame(level: number, view: DataView, entries: number, node: number, index: number): void {
    (this.#frames[level] as Frame).set(view, entries, node, index);
  }

  /** The entry taken moved one on, since one was put before it. */
  advance(level: number): void {
    (this.#frames[level] as Frame).index++;
  }

  /** Hash with which the next leaf begins, HASH_END after the last. */
  get nextHash(): number {
    for (let level = this.#levels; level >= 0; level--) {
      const { view, entries, index, count } = this.#frames[level] as Frame;
      if (index + 1 < count) return layout.indexHash(view, entries, index + 1);
    }
    return HASH_END;
  }

  /** Whether the next leaf may hold more names with the same hash. */
  isContinued(hash: number): boolean {
    const next = this.nextHash;
    return next % 2 === 1 && next - 1 === hash;
  }

  /** Goes to the next leaf. False after the last, where it stays. */
  next(dir: Inode): boolean {
    const next = this.nextHash;
    if (next === HASH_END) return false;
    if (++this.#steps > this.#leafCount) throw new CorruptionError('htree', { inode: dir.number }, `has more leaves than the directory's ${this.#leafCount} blocks`);
    let level = this.#levels;
    let frame = this.#frames[level] as Frame;
    while (frame.index + 1 >= frame.count) frame = this.#frames[--level] as Frame;
    frame.index++;
    this.low = next;
    for (; level < this.#levels; level++) this.#descend(dir, level);
    this.#takeLeaf(dir);
    return true;
  }

  /**
   * Reads every node, so that a walk which begins in hash order can end in it. May trim the block
   * cache, and leaves the cursor at the root.
   */
  verify(dir: Inode): void {
    let leaves = 0;
    this.seek(dir, 0);
    for (let nodes = 1; ; nodes++) {
      const bottom = this.#frames[this.#levels] as Frame;
      leaves += bottom.count;
      if (leaves > this.#leafCount) throw new CorruptionError('htree', { inode: dir.number }, `has more leaves than the directory's ${this.#leafCount} blocks`);
      for (bottom.index = bottom.count - 1; bottom.index > 0; bottom.index--) this.#child(dir, this.#levels);
      bottom.index = bottom.count - 1;
      const next = this.nextHash;
      if (next === HASH_END) break;
      if (next <= this.low) throw new CorruptionError('htree', { inode: dir.number }, `two nodes begin at hash ${next.toString(16)}`);
      this.#blocks.trimAfter(dir, nodes);
      this.open(dir);
      this.seek(dir, next);
    }
    this.open(dir);
  }

  #enter(level: number, view: DataView, entries: number, node: number): void {
    (this.#frames[level] as Frame).set(view, entries, node, 0);
  }

  #descend(dir: Inode, level: number): void {
    const logical = this.#child(dir, level);
    const block = this.#blocks.get(dir, logical);
    if (block === undefined) throw this.#fault(dir, logical, 'a node is in a hole');
    if (!this.#blocks.isIndexNode(block, logical)) throw this.#fault(dir, logical, 'a leaf stands where a node belongs');
    if (!block.isVerified(Verified.HtreeNode, dir.number)) {
      const reserved = entry.entrySize(0, this.#rules.storesHashes(dir));
      this.#verifyNode(dir, block, layout.NODE_ENTRIES, reserved);
    }
    this.#enter(level + 1, block.view, layout.NODE_ENTRIES, logical);
  }

  #takeLeaf(dir: Inode): void {
    this.leaf = this.#child(dir, this.#levels);
  }

  /** Where the entry taken on a level leads: never outside the directory, nor back to a node on the way. */
  #child(dir: Inode, level: number): number {
    const { view, entries, index } = this.#frames[level] as Frame;
    const logical = layout.indexBlock(view, entries, index);
    if (logical >= this.#leafCount) throw this.#fault(dir, logical, `there are only ${this.#leafCount} blocks`);
    for (let above = 0; above <= level; above++) {
      if ((this.#frames[above] as Frame).node === logical) throw this.#fault(dir, logical, 'a node leads back to itself');
    }
    return logical;
  }

  #verifyRoot(dir: Inode, { view, number }: CachedBlock): void {
    const check = (holds: boolean, detail: string): void => {
      if (!holds) throw new CorruptionError('htree', { inode: dir.number, block: number }, detail);
    };
    const version = layout.rootHashVersion(view);
    const levels = layout.rootIndirectLevels(view);
    check(layout.rootReserved(view) === 0, 'reserved_zero is not zero');
    check(layout.rootInfoLength(view) === layout.ROOT_INFO_LENGTH, `info_length is ${layout.rootInfoLength(view)}`);
    check(version <= HashVersion.TEA || version === HashVersion.SIPHASH, `hash_version ${version} is unknown`);
    check((version === HashVersion.SIPHASH) === this.#rules.storesHashes(dir), `hash_version ${version} does not fit the directory's flags`);
    check((layout.rootUnusedFlags(view) & 1) === 0, 'unused_flags are in use');
    check(levels <= this.#maxLevels, `indirect_levels ${levels} is above ${this.#maxLevels}`);
  }

  /** @param reserved bytes of the node that are not for entries, its tail not counted */
  #verifyNode(dir: Inode, block: CachedBlock, entries: number, reserved: number): void {
    const { bytes, view, number } = block;
    const place = { inode: dir.number, block: number };
    const check = (holds: boolean, detail: string): void => {
      if (!holds) throw new CorruptionError('htree', place, detail);
    };
    const limit = layout.indexLimit(view, entries);
    const count = layout.indexCount(view, entries);
    const { hasChecksums } = this.#rules;
    const capacity = layout.indexCapacity(this.#blocks.blockSize, reserved + (hasChecksums ? layout.INDEX_TAIL_SIZE : 0));
    check(limit === capacity, `limit is ${limit} where ${capacity} entries fit`);
    check(count >= 1 && count <= limit, `count ${count} is not between 1 and ${limit}`);
    if (hasChecksums) {
      const stored = layout.storedChecksum(view, entries);
      const computed = layout.computeChecksum(dir.checksumSeed, bytes, view, entries);
      check(stored === computed, `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}`);
    }
    for (let index = 2, previous = layout.indexHash(view, entries, 1); index < count; index++) {
      const hash = layout.indexHash(view, entries, index);
      check(hash > previous || (hash === previous && hash % 2 === 1), `hash ${hash.toString(16)} follows ${previous.toString(16)}`);
      previous = hash;
    }
    block.markVerified(Verified.HtreeNode, dir.number);
  }

  #fault(dir: Inode, logical: number, detail: string): CorruptionError {
    return new CorruptionError('htree', { inode: dir.number, offset: logical * this.#blocks.blockSize }, detail);
  }
}

/** Whether the error is damage that leaves the leaves readable, block by block. */
export const isIndexDamage = (error: unknown): error is CorruptionError => error instanceof CorruptionError && error.structure === 'htree';

/** Index of the last entry at or below `hash`; the first entry is below all. */
function search({ view, entries, count }: Frame, hash: number): number {
  let low = 1;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (layout.indexHash(view, entries, middle) <= hash) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
