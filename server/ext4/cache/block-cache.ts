import type { BlockDevice } from '../../device/block-device.js';
import { DeviceError } from '../errors.js';
import { physicalBlock, type PhysicalBlock } from '../units.js';
import { Slab } from './slab.js';

/**
 * What a block's contents were checked as, once per load. A block that two structures claim is
 * checked again for each of them.
 */
export const Verified = {
  None: 0,
  ExtentNode: 1,
  DirectoryLeaf: 2,
  HtreeNode: 3,
  XattrBlock: 4,
  IndirectBlock: 5,
  BlockBitmap: 6,
  InodeBitmap: 7,
  OrphanFile: 8,
  InodeTable: 9,
  GroupDescriptors: 10,
  Superblock: 11,
  SymlinkTarget: 12,
  XattrValue: 13,
  QuotaFile: 14,
  FileData: 15,
} as const;
export type Verified = (typeof Verified)[keyof typeof Verified];

/**
 * One filesystem block in memory. Valid until the cache's next `trim()`: hold it across operations
 * and it may have become another block.
 */
export class CachedBlock {
  number: PhysicalBlock = physicalBlock(0);
  /** Changes at every load from the device; lets a parsed object know that its block was reloaded. */
  load = 0;
  verifiedAs: Verified = Verified.None;
  /** The inode whose structure it was verified as a part of. */
  verifiedFor = 0;
  /** What this block's checksum is seeded with when it is sealed for a commit: an inode's seed, or a group's number. */
  checksumSeed = 0;
  /** The running transaction that changed it, 0 when none did since the last commit. */
  transaction = 0;
  /** Whether a committed version is not at home yet, only in the journal. */
  awaitsCheckpoint = false;
  /** The handle that keeps an undo image of it. */
  handle = 0;
  /** Recently used; cleared by the clock hand. */
  referenced = false;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes: Uint8Array, view: DataView) {
    this.bytes = bytes;
    this.view = view;
  }

  /** Its only current version is in memory: it must not be evicted. */
  get isDirty(): boolean {
    return this.transaction !== 0 || this.awaitsCheckpoint;
  }

  isVerified(as: Verified, owner: number): boolean {
    return this.verifiedAs === as && this.verifiedFor === owner;
  }

  markVerified(as: Verified, owner: number): void {
    this.verifiedAs = as;
    this.verifiedFor = owner;
  }
}

/** Decides, where a block is not in memory, whether to wait for the device. */
export interface DeviceWaits {
  /** Whether it would rather be left to whoever asks. */
  readonly areAvoided: boolean;
  /** The device has begun to read. @returns whether what needs it is left, with BEGUN_READING */
  leave(position: number, length: number): boolean;
  /** So long was waited. */
  waited(milliseconds: number): void;
}

/** What was thrown where something was left: it is begun anew when the device has read. No failure, and always the same object. */
export const BEGUN_READING = new Error('the device has begun to read');

export interface BlockCacheCounters {
  hits: number;
  misses: number;
  evictions: number;
}

/**
 * Metadata blocks of one filesystem, bounded by a budget. Blocks leave only in `trim()`, which the
 * owner calls between operations (and inside ones that walk without bound, where they hold no
 * block): so nothing has to be pinned, and an operation never sees a buffer change under it.
 */
export class BlockCache {
  readonly blockSize: number;
  readonly counters: BlockCacheCounters = { hits: 0, misses: 0, evictions: 0 };
  readonly #device: BlockDevice;
  readonly #blockCount: number;
  readonly #budgetBlocks: number;
  readonly #blocks = new Map<PhysicalBlock, CachedBlock>();
  readonly #slab: Slab<CachedBlock>;
  #hand: IterableIterator<CachedBlock> | undefined;
  #loads = 0;
  /**
   * While a handle is open nothing leaves: what changes a directory holds inodes besides the one
   * whose blocks are walked, and would change buffers that are another block's by then.
   */
  handleIsOpen = false;
  /** Set while what is done can be left, and begun anew; a handle ends that. */
  waits: DeviceWaits | undefined;
  /** Whether data of regular files was ever put in here: it is newer than the device's then. */
  holdsFileData = false;

  /**
   * @param blockCount blocks of the filesystem; anything at or beyond is refused
   * @param budget bytes to keep at most between operations
   */
  constructor(device: BlockDevice, blockSize: number, blockCount: number, budget: number) {
    this.blockSize = blockSize;
    this.#device = device;
    this.#blockCount = blockCount;
    this.#budgetBlocks = Math.max(64, Math.floor(budget / blockSize));
    this.#slab = new Slab(blockSize, (bytes, view) => new CachedBlock(bytes, view), (chunk) => device.keepSecret?.(chunk));
  }

  get residentBytes(): number {
    return this.#blocks.size * this.blockSize;
  }

  get allocatedBytes(): number {
    return this.#slab.allocatedBytes;
  }

  /**
   * @throws DeviceError where the block cannot be read or lies outside the filesystem
   * @throws BEGUN_READING where the device has to be waited for and `waits` would rather not
   */
  get(number: PhysicalBlock): CachedBlock {
    const cached = this.#blocks.get(number);
    if (cached !== undefined) {
      this.counters.hits++;
      cached.referenced = true;
      return cached;
    }
    return this.#load(number);
  }

  /** The block if it is in memory. */
  peek(number: PhysicalBlock): CachedBlock | undefined {
    return this.#blocks.get(number);
  }

  /**
   * The block for contents that are all new: zeros, whatever was on the device. A version in
   * memory is overwritten.
   */
  create(number: PhysicalBlock): CachedBlock {
    let block = this.#blocks.get(number);
    if (block === undefined) {
      this.#checkNumber(number);
      block = this.#slab.take();
      this.#enter(number, block);
    }
    block.bytes.fill(0);
    block.load = ++this.#loads;
    block.markVerified(Verified.None, 0);
    return block;
  }

  /** A number for a load that never was: whoever remembers an older one looks at the block anew. */
  nextLoad(): number {
    return ++this.#loads;
  }

  /** Throws a block away, changed or not: it was freed, or an operation that made it was undone. */
  discard(block: CachedBlock): void {
    if (this.#blocks.get(block.number) !== block) return;
    this.#blocks.delete(block.number);
    this.#slab.give(block);
  }

  /** Starts reading a range into the device's own cache; the next `get` finds it there. */
  readAhead(first: PhysicalBlock, count: number): void {
    const last = Math.min(first + count, this.#blockCount);
    if (first < last) this.#device.willNeed(first * this.blockSize, (last - first) * this.blockSize);
  }

  /**
   * Brings the cache back under its budget by second chance: a block used since the hand last
   * passed stays for another round. Invalidates every CachedBlock the caller holds.
   */
  trim(): void {
    let excess = this.#blocks.size - this.#budgetBlocks;
    if (excess <= 0 || this.handleIsOpen) return;
    let steps = this.#blocks.size * 2;
    while (excess > 0 && steps-- > 0) {
      this.#hand ??= this.#blocks.values();
      const next = this.#hand.next();
      if (next.done === true) {
        this.#hand = undefined;
        continue;
      }
      const block = next.value;
      if (block.referenced || block.isDirty) {
        block.referenced = false;
        continue;
      }
      this.discard(block);
      this.counters.evictions++;
      excess--;
    }
  }

  /** Over budget, throws out what came in after load `load`; the rest of what the caller holds stays valid. */
  trimLoadedAfter(load: number): void {
    if (this.#blocks.size <= this.#budgetBlocks || this.handleIsOpen) return;
    for (const block of this.#blocks.values()) {
      if (block.load <= load || block.isDirty) continue;
      this.discard(block);
      this.counters.evictions++;
    }
  }

  #load(number: PhysicalBlock): CachedBlock {
    this.#checkNumber(number);
    this.counters.misses++;
    const block = this.#slab.take();
    try {
      this.#read(block.bytes, number * this.blockSize);
    } catch (error) {
      this.#slab.give(block);
      throw error;
    }
    this.#enter(number, block);
    return block;
  }

  #read(bytes: Uint8Array, position: number): void {
    const { waits } = this;
    if (waits?.areAvoided === true) {
      const outcome = this.#device.readNow?.(bytes, 0, this.blockSize, position);
      if (outcome === 'done') return;
      if (outcome === 'begun' && waits.leave(position, this.blockSize)) throw BEGUN_READING;
    }
    const began = waits === undefined ? 0 : performance.now();
    this.#device.read(bytes, 0, this.blockSize, position);
    waits?.waited(performance.now() - began);
  }

  #enter(number: PhysicalBlock, block: CachedBlock): void {
    block.number = number;
    block.load = ++this.#loads;
    block.markVerified(Verified.None, 0);
    block.checksumSeed = 0;
    block.transaction = 0;
    block.awaitsCheckpoint = false;
    block.handle = 0;
    block.referenced = false;
    this.#blocks.set(number, block);
  }

  #checkNumber(number: PhysicalBlock): void {
    if (!(number >= 0 && number < this.#blockCount)) {
      throw new DeviceError(`block ${number} is outside the filesystem of ${this.#blockCount} blocks`);
    }
  }
}
