/** Where the metadata of a sound image lies: the test's own reading, so that damage can be aimed and sealed. */
import { crc32c, crc32cUint32 } from '../../server/ext4/layout/crc32c.js';

export type RegionKind =
  | 'superblock'
  | 'group descriptor'
  | 'inode'
  | 'extent block'
  | 'indirect block'
  | 'directory block'
  | 'htree node'
  | 'attribute block'
  | 'journal superblock'
  | 'journal block';

/** A structure on the image, and what its checksum is seeded with. */
export interface Region {
  readonly kind: RegionKind;
  readonly start: number;
  readonly length: number;
  readonly seed: number;
  /** Group or inode number, or the block's own. */
  readonly number: number;
}

export interface Anatomy {
  readonly blockSize: number;
  readonly blocksCount: number;
  readonly inodesCount: number;
  /** Whether metadata carries checksums. */
  readonly sealed: boolean;
  readonly regions: readonly Region[];
}

const INCOMPAT_64BIT = 0x80;
const RO_COMPAT_METADATA_CSUM = 0x400;
const INCOMPAT_CSUM_SEED = 0x2000;
const FLAG_EXTENTS = 0x80000;
const FLAG_INDEX = 0x1000;
const FLAG_INLINE = 0x10000000;
const JOURNAL_INODE = 8;
const JOURNAL_BLOCKS = 64;

export function anatomyOf(bytes: Uint8Array): Anatomy {
  return new Surveyor(bytes).survey();
}

class Surveyor {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #regions: Region[] = [];
  readonly #blockSize: number;
  readonly #blocksCount: number;
  readonly #inodeSize: number;
  readonly #inodesPerGroup: number;
  readonly #descriptorSize: number;
  readonly #sealed: boolean;
  readonly #seed: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#blockSize = 1024 << this.#u32(1024 + 0x18);
    this.#blocksCount = this.#u32(1024 + 0x4);
    this.#inodeSize = this.#u32(1024 + 0x4c) === 0 ? 128 : this.#u16(1024 + 0x58);
    this.#inodesPerGroup = this.#u32(1024 + 0x28);
    const incompatible = this.#u32(1024 + 0x60);
    this.#descriptorSize = incompatible & INCOMPAT_64BIT ? this.#u16(1024 + 0xfe) : 32;
    this.#sealed = (this.#u32(1024 + 0x64) & RO_COMPAT_METADATA_CSUM) !== 0;
    this.#seed = incompatible & INCOMPAT_CSUM_SEED ? this.#u32(1024 + 0x270) : crc32c(0xffffffff, bytes, 1024 + 0x68, 1024 + 0x78);
  }

  survey(): Anatomy {
    this.#add('superblock', 1024, 1024, 0xffffffff, 0);
    const firstDataBlock = this.#u32(1024 + 0x14);
    const groups = Math.ceil((this.#blocksCount - firstDataBlock) / this.#u32(1024 + 0x20));
    for (let group = 0; group < groups; group++) {
      const at = (firstDataBlock + 1) * this.#blockSize + group * this.#descriptorSize;
      this.#add('group descriptor', at, this.#descriptorSize, this.#seed, group);
      const table = this.#u32(at + 8) * this.#blockSize;
      for (let index = 0; index < this.#inodesPerGroup; index++) this.#surveyInode(table + index * this.#inodeSize, group * this.#inodesPerGroup + index + 1);
    }
    return {
      blockSize: this.#blockSize,
      blocksCount: this.#blocksCount,
      inodesCount: groups * this.#inodesPerGroup,
      sealed: this.#sealed,
      regions: this.#regions,
    };
  }

  #surveyInode(at: number, number: number): void {
    const type = this.#u16(at) & 0xf000;
    if (type === 0) return;
    const seed = crc32cUint32(crc32cUint32(this.#seed, number), this.#u32(at + 0x64));
    const flags = this.#u32(at + 0x20);
    // The checksum of the inode itself begins with that of the filesystem: the generation may be what is damaged.
    this.#add('inode', at, this.#inodeSize, this.#seed, number);
    const attributes = this.#u32(at + 0x68);
    if (attributes !== 0) this.#add('attribute block', attributes * this.#blockSize, this.#blockSize, this.#seed, attributes);
    if (flags & FLAG_INLINE || (type === 0xa000 && this.#u32(at + 4) < 60) || ![0x8000, 0x4000, 0xa000].includes(type)) return;
    const data = flags & FLAG_EXTENTS ? [...this.#extentBlocks(at + 0x28, seed)] : [...this.#mappedBlocks(at + 0x28)];
    if (type === 0x4000) this.#surveyDirectory(data, flags, seed);
    if (number === JOURNAL_INODE) this.#surveyJournal(data);
  }

  #surveyDirectory(blocks: readonly number[], flags: number, seed: number): void {
    blocks.forEach((block, index) => {
      const start = block * this.#blockSize;
      const isInner = flags & FLAG_INDEX && (index === 0 || (this.#u32(start) === 0 && this.#u16(start + 4) === this.#blockSize));
      this.#add(isInner ? 'htree node' : 'directory block', start, this.#blockSize, seed, block);
    });
  }

  #surveyJournal(blocks: readonly number[]): void {
    blocks.slice(0, JOURNAL_BLOCKS).forEach((block, index) => {
      const kind = index === 0 ? 'journal superblock' : 'journal block';
      // Data in the log is found again where it belongs; what can be damaged here is what describes it.
      if (this.#view.getUint32(block * this.#blockSize) === 0xc03b3998) this.#add(kind, block * this.#blockSize, index === 0 ? 1024 : this.#blockSize, 0xffffffff, block);
    });
  }

  *#extentBlocks(at: number, seed: number): Generator<number> {
    const entries = this.#u16(at + 2);
    const depth = this.#u16(at + 6);
    for (let index = 0; index < entries; index++) {
      const entry = at + 12 + 12 * index;
      if (depth === 0) {
        const length = this.#u16(entry + 4);
        for (let block = 0; block < (length > 32768 ? 0 : length); block++) yield this.#u32(entry + 8) + block;
      } else {
        const child = this.#u32(entry + 4);
        this.#add('extent block', child * this.#blockSize, this.#blockSize, seed, child);
        yield* this.#extentBlocks(child * this.#blockSize, seed);
      }
    }
  }

  *#mappedBlocks(at: number): Generator<number> {
    for (let index = 0; index < 12; index++) if (this.#u32(at + 4 * index) !== 0) yield this.#u32(at + 4 * index);
    for (let depth = 1; depth <= 3; depth++) yield* this.#indirectBlocks(this.#u32(at + 44 + 4 * depth), depth);
  }

  *#indirectBlocks(block: number, depth: number): Generator<number> {
    if (block === 0) return;
    if (depth === 0) return yield block;
    this.#add('indirect block', block * this.#blockSize, this.#blockSize, 0, block);
    for (let index = 0; index < this.#blockSize / 4; index++) yield* this.#indirectBlocks(this.#u32(block * this.#blockSize + 4 * index), depth - 1);
  }

  #add(kind: RegionKind, start: number, length: number, seed: number, number: number): void {
    if (start + length <= this.#bytes.length) this.#regions.push({ kind, start, length, seed, number });
  }

  #u16(at: number): number {
    return this.#view.getUint16(at, true);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }
}
