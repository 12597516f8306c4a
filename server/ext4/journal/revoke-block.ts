import { CorruptionError } from '../errors.js';
import { JOURNAL_HEADER_SIZE } from '../layout/journal.js';
import { blockNumber } from './descriptor-block.js';
import type { JournalSuperblock } from './superblock.js';
import { contentEnd } from './tail-checksum.js';

export const RECORDS_START = JOURNAL_HEADER_SIZE + 4;

/**
 * The blocks that a revoke block names: what this and earlier transactions logged for them is void.
 * Numbers are not range-checked; one that no tag names has no effect.
 * @throws CorruptionError
 */
export function* revokedBlocks(journal: JournalSuperblock, view: DataView, block: number): Generator<number> {
  const used = view.getUint32(JOURNAL_HEADER_SIZE);
  const end = contentEnd(journal, view.byteLength);
  if (used > end) throw new CorruptionError('journal block', { block }, `revoke records use ${used} of ${end} bytes`);

  const size = journal.wide ? 8 : 4;
  for (let at = RECORDS_START; at + size <= used; at += size) {
    yield journal.wide ? blockNumber(view.getUint32(at + 4), view.getUint32(at)) : view.getUint32(at);
  }
}
