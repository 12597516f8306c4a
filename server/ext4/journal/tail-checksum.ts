import { crc32c, crc32cZeros } from '../layout/crc32c.js';
import { JOURNAL_TAIL_SIZE } from '../layout/journal.js';
import type { JournalSuperblock } from './superblock.js';

/** Whether descriptor and revoke blocks end in a checksum, and data blocks have one in their tag. */
export const hasBlockChecksums = (journal: JournalSuperblock): boolean =>
  journal.checksum === 'v2' || journal.checksum === 'v3';

/** How far the content of a descriptor or revoke block may reach. */
export const contentEnd = (journal: JournalSuperblock, blockSize: number): number =>
  hasBlockChecksums(journal) ? blockSize - JOURNAL_TAIL_SIZE : blockSize;

/** Verifies the last four bytes of a descriptor or revoke block; true where the journal has none. */
export function tailChecksumMatches(journal: JournalSuperblock, bytes: Uint8Array, view: DataView): boolean {
  if (!hasBlockChecksums(journal)) return true;
  const tail = bytes.length - JOURNAL_TAIL_SIZE;
  const crc = crc32cZeros(crc32c(journal.checksumSeed, bytes, 0, tail), JOURNAL_TAIL_SIZE);
  return crc === view.getUint32(tail);
}
