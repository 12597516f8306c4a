import { CorruptionError } from '../errors.js';
import { journalBlockType, journalSequence, journalType, sequenceAtLeast } from '../layout/journal.js';
import type { JournalBlock } from '../units.js';
import { checkedTarget, descriptorTags, taggedContentMatches, type DescriptorTag } from './descriptor-block.js';
import { blockAfter, LogReader } from './log-reader.js';
import { ReplayedBlocks } from './replayed-blocks.js';
import { revokedBlocks } from './revoke-block.js';
import type { CommittedLog, LogRecord } from './scan.js';
import type { JournalSource, ReplayTarget } from './source.js';
import type { JournalSuperblock } from './superblock.js';
import { hasBlockChecksums, tailChecksumMatches } from './tail-checksum.js';

/** The rest of recovery, once it is known which transactions count: which content each block ends up with. */
export class Replay {
  readonly #source: JournalSource;
  readonly #journal: JournalSuperblock;
  readonly #log: CommittedLog;
  readonly #reader: LogReader;

  constructor(source: JournalSource, journal: JournalSuperblock, log: CommittedLog) {
    this.#source = source;
    this.#journal = journal;
    this.#log = log;
    this.#reader = new LogReader(source, journal, journal.first);
  }

  /** @throws CorruptionError where the log names what does not exist or does not match its checksums */
  run(target: ReplayTarget): ReplayedBlocks {
    const blocks = this.#lastContents(target);
    this.#revoke(blocks);
    if (hasBlockChecksums(this.#journal)) this.#verify(blocks);
    return blocks;
  }

  /** The content logged last is the one that counts. */
  #lastContents(target: ReplayTarget): ReplayedBlocks {
    const blocks = new ReplayedBlocks();
    for (const record of this.#log.descriptors) {
      for (const { tag, location } of this.#tags(record)) {
        const block = checkedTarget(tag, target.blockCount, record.block);
        blocks.set(block, location, tag.escaped, record.sequence);
      }
    }
    return blocks;
  }

  /**
   * A revoke record voids what its own and earlier transactions logged. If it voids the last content of
   * a block, it voids them all; so revoking comes after collecting, and needs no table of its own.
   */
  #revoke(blocks: ReplayedBlocks): void {
    for (const record of this.#log.revokes) {
      this.#read(record, journalBlockType.revoke);
      for (const block of revokedBlocks(this.#journal, this.#reader.view, record.block)) {
        const logged = blocks.sequenceOf(block);
        if (logged !== undefined && sequenceAtLeast(record.sequence, logged)) blocks.revoke(block);
      }
    }
  }

  /** Only contents that will be used: one that was superseded or revoked harms nobody. */
  #verify(blocks: ReplayedBlocks): void {
    const content = new Uint8Array(this.#source.blockSize);
    for (const record of this.#log.descriptors) {
      for (const { tag, location } of this.#tags(record)) {
        if (blocks.locate(tag.target) !== location) continue;
        this.#source.read(location, content);
        if (taggedContentMatches(this.#journal, tag, record.sequence, content)) continue;
        throw new CorruptionError('journal block', { block: location }, `checksum of content for block ${tag.target}`);
      }
    }
  }

  *#tags(record: LogRecord): Generator<{ readonly tag: DescriptorTag; readonly location: JournalBlock }> {
    this.#read(record, journalBlockType.descriptor);
    let location = blockAfter(this.#journal, record.block, 1);
    for (const tag of descriptorTags(this.#journal, this.#reader.view)) {
      yield { tag, location };
      location = blockAfter(this.#journal, location, 1);
    }
  }

  #read(record: LogRecord, type: number): void {
    this.#reader.reread(record.block);
    const { bytes, view } = this.#reader;
    const same = journalType(view) === type && journalSequence(view) === record.sequence;
    if (same && tailChecksumMatches(this.#journal, bytes, view)) return;
    throw new CorruptionError('journal block', { block: record.block }, 'changed while it was recovered');
  }
}
