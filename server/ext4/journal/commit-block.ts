import { crc32c, crc32cZeros } from '../layout/crc32c.js';
import type { JournalSuperblock } from './superblock.js';

export const commitOffsets = { checksumType: 12, checksumSize: 13, checksum: 16, commitSeconds: 48, commitNanoseconds: 56 } as const;
const offsets = commitOffsets;
/** As padded by the compilers of 64-bit machines, which is how much the kernel takes. */
const COMMIT_HEADER_SIZE = 64;
export const CRC32 = 1;
export const CRC32_SIZE = 4;

/** When the transaction was committed, in seconds. Only compared: a clock set back marks remains of an older log. */
export const commitTime = (view: DataView): number =>
  view.getUint32(offsets.commitSeconds) * 0x1_0000_0000 + view.getUint32(offsets.commitSeconds + 4);

/**
 * Whether the commit block proves its transaction whole. `logged` is the CRC-32 (big-endian) over the
 * transaction's descriptor and data blocks; only version 1 uses it.
 */
export function commitMatches(journal: JournalSuperblock, bytes: Uint8Array, view: DataView, logged: number): boolean {
  switch (journal.checksum) {
    case 'none':
      return true;
    case 'v1':
      return commitMatchesLogged(view, logged);
    case 'v2':
    case 'v3':
      return (
        commitChecksum(journal, bytes, bytes.length) === view.getUint32(offsets.checksum) ||
        // Devices that write less than a block at once may have kept only the sector with the header.
        commitChecksum(journal, bytes, COMMIT_HEADER_SIZE) === view.getUint32(offsets.checksum)
      );
  }
}

function commitMatchesLogged(view: DataView, logged: number): boolean {
  const type = view.getUint8(offsets.checksumType);
  const size = view.getUint8(offsets.checksumSize);
  const found = view.getUint32(offsets.checksum);
  if (type === CRC32 && size === CRC32_SIZE) return found === logged;
  // Written while checksums were off.
  return type === 0 && size === 0 && found === 0;
}

/** Over the block as if it held zeros from `trusted` on. */
function commitChecksum(journal: JournalSuperblock, bytes: Uint8Array, trusted: number): number {
  let crc = crc32c(journal.checksumSeed, bytes, 0, offsets.checksum);
  crc = crc32cZeros(crc, 4);
  crc = crc32c(crc, bytes, offsets.checksum + 4, trusted);
  return crc32cZeros(crc, bytes.length - trusted);
}
