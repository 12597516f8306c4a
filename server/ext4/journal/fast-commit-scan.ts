import { CorruptionError } from '../errors.js';
import { crc32c } from '../layout/crc32c.js';
import * as layout from '../layout/fast-commit.js';
import { FastCommitTag, type FastCommitRecord } from '../layout/fast-commit.js';
import { journalBlock } from '../units.js';
import type { JournalSource } from './source.js';

/** What follows the last full commit. */
export interface FastCommits {
  readonly records: readonly FastCommitRecord[];
  /** Why records were left out that should count; null where the last commit is simply the last. */
  readonly refused: CorruptionError | null;
}

export const NO_FAST_COMMITS: FastCommits = { records: [], refused: null };

/** The kernel uses 256 blocks unless told otherwise; this many bytes are read and kept at most. */
const MAX_BYTES = 8 << 20;

/**
 * Reads the fast commits that extend transaction `sequence`, which was running when they were made.
 * Only commits whose tail was stored count: the rest is an interrupted one, or left from before.
 */
export function scanFastCommits(source: JournalSource, area: { readonly first: number; readonly end: number }, sequence: number, inodeSize: number): FastCommits {
  const scan = new Scan(source, sequence, inodeSize);
  const end = Math.min(area.end, area.first + Math.floor(MAX_BYTES / source.blockSize));
  for (let block = area.first; block < end && scan.block(block); block++);
  return { records: scan.committed, refused: scan.refused };
}

class Scan {
  /** Records of commits whose tails were found. */
  readonly committed: FastCommitRecord[] = [];
  refused: CorruptionError | null = null;
  readonly #source: JournalSource;
  readonly #sequence: number;
  readonly #inodeSize: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Records of the commit that is being read. */
  #pending: FastCommitRecord[] = [];
  #checksum = 0;
  #begun = false;

  constructor(source: JournalSource, sequence: number, inodeSize: number) {
    this.#source = source;
    this.#sequence = sequence;
    this.#inodeSize = inodeSize;
    this.#bytes = new Uint8Array(source.blockSize);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** False where there is nothing more to read. */
  block(number: number): boolean {
    this.#source.read(journalBlock(number), this.#bytes);
    if (!this.#begun && layout.recordTag(this.#view, 0) !== FastCommitTag.HEAD) return false;
    this.#begun = true;

    let record = 0;
    while (record + layout.RECORD_HEADER_SIZE <= this.#bytes.length) {
      const tag = layout.recordTag(this.#view, record);
      const length = layout.valueLength(this.#view, record);
      const next = record + layout.RECORD_HEADER_SIZE + length;
      if (next > this.#bytes.length || !layout.isValidLength(tag, length, this.#inodeSize)) return false;
      if (!this.#record(number, tag, record, next)) return false;
      record = next;
    }
    return true;
  }

  #record(block: number, tag: number, record: number, next: number): boolean {
    const value = record + layout.RECORD_HEADER_SIZE;
    if (tag === FastCommitTag.TAIL) return this.#tail(record, value);
    if (tag === FastCommitTag.HEAD) {
      // Left from an older transaction.
      if (layout.headSequence(this.#view, value) !== this.#sequence) return false;
      const features = layout.headFeatures(this.#view, value);
      if (features !== 0) {
        const detail = `unknown features 0x${features.toString(16)}`;
        this.refused = new CorruptionError('fast commit block', { block, offset: record }, detail);
        return false;
      }
    }
    this.#checksum = crc32c(this.#checksum, this.#bytes, record, next);
    const parsed = layout.parseRecord(tag, this.#bytes, this.#view, value, next - value);
    if (parsed !== null) this.#pending.push(parsed);
    return true;
  }

  #tail(record: number, value: number): boolean {
    const checksum = crc32c(this.#checksum, this.#bytes, record, value + layout.TAIL_CHECKSUM);
    if (layout.tailSequence(this.#view, value) !== this.#sequence || layout.tailChecksum(this.#view, value) !== checksum) return false;
    for (const pending of this.#pending) this.committed.push(pending);
    this.#pending = [];
    this.#checksum = 0;
    return true;
  }
}
