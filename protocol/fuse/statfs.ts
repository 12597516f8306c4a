/** fuse_kstatfs (80): blocks8@0 bfree8@8 bavail8@16 files8@24 ffree8@32 bsize4@40 namelen4@44 frsize4@48 padding4@52 spare24@56 */
import { write64 } from './word64.js';

export const STATFS_OUT_SIZE = 80;

export interface FilesystemStatistics {
  readonly blocks: number;
  readonly freeBlocks: number;
  /** Free to users without privilege. */
  readonly availableBlocks: number;
  readonly files: number;
  readonly freeFiles: number;
  readonly blockSize: number;
  readonly maximumNameLength: number;
}

/** @returns the length written */
export function writeStatfsOut(view: DataView, at: number, statistics: FilesystemStatistics): number {
  write64(view, at, statistics.blocks);
  write64(view, at + 8, statistics.freeBlocks);
  write64(view, at + 16, statistics.availableBlocks);
  write64(view, at + 24, statistics.files);
  write64(view, at + 32, statistics.freeFiles);
  view.setUint32(at + 40, statistics.blockSize, true);
  view.setUint32(at + 44, statistics.maximumNameLength, true);
  view.setUint32(at + 48, statistics.blockSize, true);
  for (let offset = 52; offset < STATFS_OUT_SIZE; offset += 4) view.setUint32(at + offset, 0, true);
  return STATFS_OUT_SIZE;
}
