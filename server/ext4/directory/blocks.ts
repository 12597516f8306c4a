import { Verified, type BlockCache, type CachedBlock } from '../cache/block-cache.js';
import { CorruptionError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { Inode } from '../inode.js';
import * as layout from '../layout/directory-entry.js';
import * as htree from '../layout/htree.js';
import type { FileMapping } from '../mapping/file-mapping.js';
import { MappedRange, RangeState } from '../mapping/mapping.js';
import { logicalBlock, physicalBlock } from '../units.js';
import type { EntryRules, EntryRun } from './entry-run.js';

/** Bytes that a walk may read before the block cache gets a chance to shrink. */
const UNTRIMMED_WALK = 16 << 20;

/** The blocks of directories: where they are, and whether they are sound. */
export class DirectoryBlocks {
  readonly blockSize: number;
  readonly #cache: BlockCache;
  readonly #geometry: Geometry;
  readonly #mapping: FileMapping;
  readonly #rules: EntryRules;
  readonly #range = new MappedRange();

  constructor(cache: BlockCache, geometry: Geometry, mapping: FileMapping, rules: EntryRules) {
    this.blockSize = geometry.blockSize;
    this.#cache = cache;
    this.#geometry = geometry;
    this.#mapping = mapping;
    this.#rules = rules;
  }

  /** Blocks that i_size covers, also partly. A directory cannot have more than the filesystem: bounds every walk. */
  count(dir: Inode): number {
    return Math.min(Math.ceil(dir.size / this.blockSize), this.#geometry.blocksCount);
  }

  /** Reserved blocks count as written, as for the kernel. @returns undefined in a hole */
  get(dir: Inode, logical: number): CachedBlock | undefined {
    const range = this.#range;
    this.map(dir, logical, range);
    return range.state !== RangeState.Hole ? this.inRange(range, 0) : undefined;
  }

  /**
   * Whether a block of an indexed directory belongs to the index: its root is the first, other nodes
   * look like blocks with nothing in them.
   */
  isIndexNode(block: CachedBlock, logical: number): boolean {
    const { view } = block;
    if (logical > 0) return htree.nodeInode(view) === 0 && layout.recordLength(view, 0, this.blockSize) === this.blockSize;
    return htree.dotRecordLength(view) === layout.MIN_ENTRY_SIZE && layout.recordLength(view, layout.MIN_ENTRY_SIZE, this.blockSize) === this.blockSize - layout.MIN_ENTRY_SIZE;
  }

  /**
   * Makes `run` the entries of a block, as far as they are sound. Checked once per load.
   *
   * @returns what is wrong with the rest
   */
  entries(dir: Inode, block: CachedBlock, run: EntryRun): CorruptionError | undefined {
    const end = this.#rules.hasChecksums ? this.blockSize - layout.TAIL_SIZE : this.blockSize;
    run.set(block.bytes, block.view, 0, end, block.number);
    if (block.isVerified(Verified.DirectoryLeaf, dir.number)) return undefined;
    const error = (this.#rules.hasChecksums ? checksumFault(dir, block, run) : undefined) ?? this.#rules.check(dir, run);
    if (error === undefined) block.markVerified(Verified.DirectoryLeaf, dir.number);
    return error;
  }

  /** Fills `range` with the run of blocks that holds `logical`. */
  map(dir: Inode, logical: number, range: MappedRange): void {
    this.#mapping.map(dir, logicalBlock(logical), range);
  }

  /** The block `index` of a run that is not a hole. */
  inRange(range: MappedRange, index: number): CachedBlock {
    return this.#cache.get(physicalBlock(range.physical + index));
  }

  /** A block is about to change in place: what was derived from it must not be used again. */
  changing(block: CachedBlock): void {
    block.load = this.#cache.nextLoad();
  }

  /**
   * Lets the block cache shrink now and then in a long walk. Every block that the walker holds is
   * invalid afterwards; the inode is bound anew.
   *
   * @param walked blocks so far
   */
  trimAfter(dir: Inode, walked: number): void {
    if ((walked * this.blockSize) % UNTRIMMED_WALK !== 0) return;
    const number = physicalBlock(dir.block.number);
    this.#cache.trim();
    const block = this.#cache.get(number);
    if (block === dir.block && block.load === dir.load) return;
    dir.block = block;
    dir.verify();
    dir.load = block.load;
  }
}

function checksumFault(dir: Inode, { bytes, view, number }: CachedBlock, run: EntryRun): CorruptionError | undefined {
  const tail = run.end;
  const place = { inode: dir.number, block: number, offset: tail };
  const present = layout.hasTail(view, tail);
  const stored = layout.storedChecksum(view, tail);
  const computed = layout.computeChecksum(dir.checksumSeed, bytes, tail);
  if (present && stored === computed) return undefined;
  run.end = 0;
  const detail = present ? `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}` : 'there is no checksum at the end';
  return new CorruptionError('directory block', place, detail);
}
