import { NoSpaceError } from '../../server/ext4/allocation/block-allocator.js';
import { AllocatedRun } from '../../server/ext4/allocation/block-space.js';
import type { Filesystem } from '../../server/ext4/filesystem.js';
import type { BlockDevice } from '../../server/device/block-device.js';
import { Times } from '../../server/ext4/layout/inode.js';
import { MappedRange, RangeState } from '../../server/ext4/mapping/mapping.js';
import { inodeNumber, logicalBlock, physicalBlock, type InodeNumber } from '../../server/ext4/units.js';
import type { Random } from './random.js';
import type { WritableFilesystem } from './writable-filesystem.js';

/** Within this, files have blocks, or not. */
const FILE_BLOCKS = 4096;
const UNWRITTEN = -1;
const WORDS = 4;

/** What a test knows of a file: what it wrote to each block, and when. */
interface FileState {
  seconds: number;
  /** Version of the content by block, UNWRITTEN where the extent is. */
  readonly blocks: Map<number, number>;
}

/**
 * Random changes of files' times, extents and contents that leave the filesystem valid at the end of
 * each, and a model of what must then be read.
 */
export class LogWorkload {
  readonly #target: WritableFilesystem;
  readonly #device: BlockDevice;
  readonly #random: Random;
  readonly #files = new Map<InodeNumber, FileState>();
  readonly #run = new AllocatedRun();
  readonly #range = new MappedRange();
  #version = 0;
  /** How often there was no space left. */
  full = 0;

  /** @param inodes regular files that are empty, with extents */
  constructor(target: WritableFilesystem, device: BlockDevice, inodes: readonly number[], random: Random) {
    this.#target = target;
    this.#device = device;
    this.#random = random;
    const { blockSize } = target.filesystem.superblock;
    for (const number of inodes.map(inodeNumber)) {
      target.change(() => {
        const inode = target.filesystem.inode(number);
        target.inodes.setSize(inode, FILE_BLOCKS * blockSize);
        target.inodes.setTime(inode, Times.modification, 0, 0);
      });
      this.#files.set(number, { seconds: 0, blocks: new Map() });
    }
  }

  /** Takes all but `left` blocks from the filesystem, so that what is freed is soon used again. */
  fill(left: number): void {
    const { filesystem, extents, inodes, blockAllocator, counters } = this.#target;
    const number = [...this.#files.keys()][0] as InodeNumber;
    const { blocks } = this.#state(number);
    for (let at = FILE_BLOCKS; counters.totals.freeClusters > left; at += this.#run.length) {
      this.#target.change(() => {
        const inode = filesystem.inode(number);
        const length = Math.min(counters.totals.freeClusters - left, 4096);
        blockAllocator.allocate({ inode: number, goal: physicalBlock(0), length, privileged: true, streaming: false }, this.#run);
        extents.insert(inode, logicalBlock(at), this.#run.length, this.#run.start, true);
        inodes.addBlocks(inode, this.#run.length);
        inodes.setSize(inode, (at + this.#run.length) * filesystem.superblock.blockSize);
      });
    }
    blocks.clear();
  }

  /** A few handles of a random kind. */
  step(): void {
    const numbers = [...this.#files.keys()];
    const number = numbers[this.#random.below(numbers.length)] as InodeNumber;
    const at = this.#random.below(FILE_BLOCKS);
    const kind = this.#random.below(32);
    try {
      if (kind < 6) this.#touch(number);
      else if (kind < 20) this.#write(number, at, 1 + this.#random.below(kind < 17 ? 3 : 40));
      else if (kind < 23) this.#convert(number, at, 1 + this.#random.below(100));
      else if (kind < 26) this.#remove(number, at, 1 + this.#random.below(800));
      else if (kind < 28) this.#undo(number);
      else if (kind < 31) this.#scatter(number, at, 60);
      else this.#remove(number, 0, FILE_BLOCKS);
    } catch (error) {
      if (!(error instanceof NoSpaceError)) throw error;
      this.full++;
    }
    this.#target.filesystem.trim();
  }

  /** Gives every second block of a range to a file, so that its tree grows. */
  #scatter(number: InodeNumber, from: number, count: number): void {
    for (let block = from; block < Math.min(from + 2 * count, FILE_BLOCKS); block += 2) this.#write(number, block, 1);
  }

  /** The model in a form to compare. */
  describe(): string {
    return [...this.#files].map(([number, { seconds, blocks }]) => describeFile(number, seconds, blocks)).join('\n');
  }

  #state(number: InodeNumber): FileState {
    return this.#files.get(number) as FileState;
  }

  #touch(number: InodeNumber): void {
    const seconds = this.#random.below(1 << 30);
    this.#target.change(() => {
      this.#target.inodes.setTime(this.#target.filesystem.inode(number), Times.modification, seconds, 0);
    });
    this.#state(number).seconds = seconds;
  }

  /** Fills holes in the range. */
  #write(number: InodeNumber, from: number, count: number): void {
    const { filesystem, extents, inodes, blockAllocator } = this.#target;
    const { blocks } = this.#state(number);
    const { blockSize } = filesystem.superblock;
    const unwritten = this.#random.below(4) === 0;
    const written = new Map<number, number>();
    this.#target.change(() => {
      const inode = filesystem.inode(number);
      for (let at = from; at < Math.min(from + count, FILE_BLOCKS); ) {
        filesystem.mapping.map(inode, logicalBlock(at), this.#range);
        const length = Math.min(this.#range.length, from + count - at, FILE_BLOCKS - at);
        if (this.#range.state !== RangeState.Hole) {
          at += length;
          continue;
        }
        blockAllocator.allocate({ inode: number, goal: physicalBlock(0), length, privileged: true, streaming: this.#random.below(2) === 0 }, this.#run);
        const given = Math.min(this.#run.length, length);
        inodes.addBlocks(inode, given);
        extents.insert(inode, logicalBlock(at), given, this.#run.start, unwritten);
        for (let index = 0; index < given; index++) {
          const version = unwritten ? UNWRITTEN : ++this.#version;
          if (!unwritten) this.#device.write(content(blockSize, number, at + index, version), 0, blockSize, (this.#run.start + index) * blockSize);
          written.set(at + index, version);
        }
        at += given;
      }
    });
    for (const [block, version] of written) blocks.set(block, version);
  }

  /** Writes what is allocated but unwritten in the range. */
  #convert(number: InodeNumber, from: number, count: number): void {
    const { filesystem, extents } = this.#target;
    const { blocks } = this.#state(number);
    const { blockSize } = filesystem.superblock;
    const written = new Map<number, number>();
    this.#target.change(() => {
      const inode = filesystem.inode(number);
      for (let at = from; at < Math.min(from + count, FILE_BLOCKS); ) {
        filesystem.mapping.map(inode, logicalBlock(at), this.#range);
        const { state, physical } = this.#range;
        const length = Math.min(this.#range.length, from + count - at, FILE_BLOCKS - at);
        if (state === RangeState.Unwritten) {
          for (let index = 0; index < length; index++) {
            this.#device.write(content(blockSize, number, at + index, ++this.#version), 0, blockSize, (physical + index) * blockSize);
            written.set(at + index, this.#version);
          }
          extents.convert(inode, logicalBlock(at), length, false);
        }
        at += length;
      }
    });
    for (const [block, version] of written) blocks.set(block, version);
  }

  #remove(number: InodeNumber, from: number, count: number): void {
    const { filesystem, extents, inodes, blockAllocator } = this.#target;
    const to = Math.min(from + count, FILE_BLOCKS);
    for (let at = from; at < to; ) {
      at = this.#target.change(() =>
        extents.remove(filesystem.inode(number), logicalBlock(at), to, 50, (inode, _logical, physical, length) => {
          blockAllocator.free(physical, length, false);
          inodes.addBlocks(inode, -length);
        }),
      );
    }
    const { blocks } = this.#state(number);
    for (let block = from; block < to; block++) blocks.delete(block);
  }

  /** An operation that fails at its end: nothing of it may be left. */
  #undo(number: InodeNumber): void {
    const before = new Map(this.#state(number).blocks);
    const seconds = this.#state(number).seconds;
    const { transactions, filesystem, extents, inodes, blockAllocator } = this.#target;
    transactions.begin();
    const inode = filesystem.inode(number);
    inodes.setTime(inode, Times.modification, 12345, 0);
    const from = this.#random.below(FILE_BLOCKS);
    extents.remove(inode, logicalBlock(from), FILE_BLOCKS, 20, (file, _logical, physical, length) => {
      blockAllocator.free(physical, length, false);
      inodes.addBlocks(file, -length);
    });
    transactions.abort();
    this.#files.set(number, { seconds, blocks: before });
  }
}

/** What a filesystem holds, in the form of LogWorkload.describe. Blocks with the wrong contents are marked. */
export function describeFilesystem(filesystem: Filesystem, inodes: readonly number[]): string {
  const range = new MappedRange();
  const { blockSize } = filesystem.superblock;
  const bytes = new Uint8Array(blockSize);
  return inodes
    .map((number) => {
      const inode = filesystem.inode(inodeNumber(number));
      const blocks = new Map<number, number>();
      for (let at = 0; at < FILE_BLOCKS; at += range.length) {
        filesystem.mapping.map(inode, logicalBlock(at), range);
        if (range.state === RangeState.Hole) continue;
        for (let index = 0; index < range.length; index++) {
          if (range.state === RangeState.Written) filesystem.device.read(bytes, 0, blockSize, (range.physical + index) * blockSize);
          blocks.set(at + index, range.state === RangeState.Unwritten ? UNWRITTEN : versionOf(bytes, number, at + index));
        }
      }
      return describeFile(number, inode.seconds(Times.modification), blocks);
    })
    .join('\n');
}

function describeFile(number: number, seconds: number, blocks: ReadonlyMap<number, number>): string {
  const ordered = [...blocks].sort(([a], [b]) => a - b).map(([block, version]) => `${block}=${version}`);
  return `${number} at ${seconds}: ${ordered.join(' ')}`;
}

/** A block that says whose it is, at both ends. */
function content(blockSize: number, inode: number, block: number, version: number): Uint8Array {
  const words = new Uint32Array(blockSize / 4).fill(version * 2654435761);
  const label = [inode, block, version, 0x0f00d];
  words.set(label, 0);
  words.set(label, words.length - WORDS);
  return new Uint8Array(words.buffer);
}

function versionOf(bytes: Uint8Array, inode: number, block: number): number {
  const words = new Uint32Array(bytes.buffer);
  const wrong = Number.NaN;
  for (const start of [0, words.length - WORDS]) {
    if (words[start] !== inode || words[start + 1] !== block || words[start + 3] !== 0x0f00d) return wrong;
  }
  return words[2] === words[words.length - WORDS + 2] ? (words[2] as number) : wrong;
}
