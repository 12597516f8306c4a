import type { CachedBlock } from '../cache/block-cache.js';
import { crc32Be } from '../layout/crc32-be.js';
import { crc32c, crc32cZeros } from '../layout/crc32c.js';
import { JOURNAL_HEADER_SIZE, JOURNAL_MAGIC, JOURNAL_TAIL_SIZE, journalBlockType } from '../layout/journal.js';
import { commitOffsets, CRC32, CRC32_SIZE } from './commit-block.js';
import { contentChecksumSeed, tagFlag, tagSize, TAG_UUID_SIZE } from './descriptor-block.js';
import { RECORDS_START } from './revoke-block.js';
import type { JournalSuperblock } from './superblock.js';
import { contentEnd, hasBlockChecksums } from './tail-checksum.js';

const ESCAPED_BYTES = 4;
const UINT32 = 0x1_0000_0000;

/** A place for one block: `offset` in a larger buffer. */
export interface StagedBlock {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly offset: number;
}

/**
 * Writes the blocks of the log as one journal's features want them. What commit-block.ts,
 * descriptor-block.ts and revoke-block.ts read, this makes.
 */
export class LogFormat {
  readonly blockSize: number;
  readonly tagsPerDescriptor: number;
  readonly revokesPerBlock: number;
  readonly #journal: JournalSuperblock;
  readonly #tagSize: number;
  readonly #uuid: Uint8Array;
  readonly #checksums: boolean;
  readonly #revokeSize: number;
  /** CRC-32 over the transaction so far, for checksums of version 1. */
  #logged = 0xffffffff;

  /** @param uuid the journal's, which the first tag of each descriptor repeats */
  constructor(journal: JournalSuperblock, blockSize: number, uuid: Uint8Array) {
    const end = contentEnd(journal, blockSize);
    this.blockSize = blockSize;
    this.#journal = journal;
    this.#tagSize = tagSize(journal);
    this.#uuid = uuid.slice();
    this.#checksums = hasBlockChecksums(journal);
    this.#revokeSize = journal.wide ? 8 : 4;
    this.tagsPerDescriptor = Math.floor((end - JOURNAL_HEADER_SIZE - TAG_UUID_SIZE) / this.#tagSize);
    this.revokesPerBlock = Math.floor((end - RECORDS_START) / this.#revokeSize);
  }

  /** Blocks that a transaction takes in the log. */
  blocksFor(blocks: number, revoked: number): number {
    return blocks + Math.ceil(blocks / this.tagsPerDescriptor) + Math.ceil(revoked / this.revokesPerBlock) + 1;
  }

  /** Names the `count` blocks from `first` on; their contents follow it in the log. */
  writeDescriptor(staged: StagedBlock, sequence: number, blocks: readonly CachedBlock[], first: number, count: number): void {
    const { bytes, view, offset } = staged;
    this.#begin(staged, journalBlockType.descriptor, sequence);
    const seed = contentChecksumSeed(this.#journal, sequence);
    let at = offset + JOURNAL_HEADER_SIZE;
    for (let index = 0; index < count; index++) {
      const block = blocks[first + index] as CachedBlock;
      let flags = isEscaped(block) ? tagFlag.escaped : 0;
      if (index > 0) flags |= tagFlag.sameUuid;
      if (index === count - 1) flags |= tagFlag.last;
      this.#writeTag(view, at, block, flags, seed);
      at += this.#tagSize;
      if (index === 0) {
        bytes.set(this.#uuid, at);
        at += TAG_UUID_SIZE;
      }
    }
    this.#seal(staged);
    this.#noteLogged(staged);
  }

  /** A block as the log holds it: it never begins with the journal's magic number. */
  writeContent(staged: StagedBlock, block: CachedBlock): void {
    staged.bytes.set(block.bytes, staged.offset);
    if (isEscaped(block)) staged.view.setUint32(staged.offset, 0);
    this.#noteLogged(staged);
  }

  /** Voids what this and earlier transactions logged for as many of the blocks as fit. */
  writeRevokes(staged: StagedBlock, sequence: number, revoked: Iterator<number>): void {
    const { view, offset } = staged;
    this.#begin(staged, journalBlockType.revoke, sequence);
    let at = RECORDS_START;
    for (let left = this.revokesPerBlock; left > 0; left--) {
      const next = revoked.next();
      if (next.done === true) break;
      if (this.#journal.wide) {
        view.setUint32(offset + at, Math.floor(next.value / UINT32));
        view.setUint32(offset + at + 4, next.value);
      } else {
        view.setUint32(offset + at, next.value);
      }
      at += this.#revokeSize;
    }
    view.setUint32(offset + JOURNAL_HEADER_SIZE, at);
    this.#seal(staged);
  }

  /** @param now milliseconds since 1970 */
  writeCommit(staged: StagedBlock, sequence: number, now: number): void {
    const { bytes, view, offset } = staged;
    this.#begin(staged, journalBlockType.commit, sequence);
    const seconds = Math.floor(now / 1000);
    view.setUint32(offset + commitOffsets.commitSeconds, Math.floor(seconds / UINT32));
    view.setUint32(offset + commitOffsets.commitSeconds + 4, seconds);
    view.setUint32(offset + commitOffsets.commitNanoseconds, Math.floor((now % 1000) * 1e6));
    if (this.#journal.checksum === 'v1') {
      view.setUint8(offset + commitOffsets.checksumType, CRC32);
      view.setUint8(offset + commitOffsets.checksumSize, CRC32_SIZE);
      view.setUint32(offset + commitOffsets.checksum, this.#logged);
    } else if (this.#checksums) {
      view.setUint32(offset + commitOffsets.checksum, crc32c(this.#journal.checksumSeed, bytes, offset, offset + this.blockSize));
    }
    this.#logged = 0xffffffff;
  }

  #begin({ bytes, view, offset }: StagedBlock, type: number, sequence: number): void {
    bytes.fill(0, offset, offset + this.blockSize);
    view.setUint32(offset, JOURNAL_MAGIC);
    view.setUint32(offset + 4, type);
    view.setUint32(offset + 8, sequence);
  }

  #writeTag(view: DataView, at: number, block: CachedBlock, flags: number, seed: number): void {
    const { checksum, wide } = this.#journal;
    view.setUint32(at, block.number);
    if (wide) view.setUint32(at + 8, Math.floor(block.number / UINT32));
    if (checksum === 'v3') {
      view.setUint32(at + 4, flags);
      view.setUint32(at + 12, contentChecksum(block, seed));
    } else {
      view.setUint16(at + 6, flags);
      if (checksum === 'v2') view.setUint16(at + 4, contentChecksum(block, seed));
    }
  }

  /** The checksum in the last bytes of descriptor and revoke blocks, which are zero so far. */
  #seal({ bytes, view, offset }: StagedBlock): void {
    if (!this.#checksums) return;
    const end = offset + this.blockSize;
    view.setUint32(end - JOURNAL_TAIL_SIZE, crc32c(this.#journal.checksumSeed, bytes, offset, end));
  }

  #noteLogged({ bytes, offset }: StagedBlock): void {
    if (this.#journal.checksum === 'v1') this.#logged = crc32Be(this.#logged, bytes, offset, offset + this.blockSize);
  }
}

const isEscaped = (block: CachedBlock): boolean => block.view.getUint32(0) === JOURNAL_MAGIC;

/** Over the content as it will stand in the log. */
function contentChecksum(block: CachedBlock, seed: number): number {
  const { bytes } = block;
  return isEscaped(block)
    ? crc32c(crc32cZeros(seed, ESCAPED_BYTES), bytes, ESCAPED_BYTES, bytes.length)
    : crc32c(seed, bytes, 0, bytes.length);
}
