import { Verified, type BlockCache } from '../cache/block-cache.js';
import type { InodeCache } from '../cache/inode-cache.js';
import { CorruptionError } from '../errors.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import * as layout from '../layout/orphan-file.js';
import type { Superblock } from '../layout/superblock.js';
import type { FileMapping } from '../mapping/file-mapping.js';
import { MappedRange, RangeState } from '../mapping/mapping.js';
import { inodeNumber, logicalBlock, physicalBlock } from '../units.js';
import type { Orphans } from './orphans.js';

/** The kernel makes it no larger than 512 blocks; mke2fs lets a user ask for more. */
const MOST_BLOCKS = 65536;

export interface OrphanFileParts {
  readonly superblock: Superblock;
  readonly cache: BlockCache;
  readonly inodes: InodeCache;
  readonly mapping: FileMapping;
  readonly transactions: Transactions;
  readonly orphans: Orphans;
}

/**
 * Moves what a crash left in the orphan file to the orphan list, each inode in a handle of its own.
 * This program itself keeps its orphans in the list only, which every kernel understands.
 * @throws CorruptionError
 */
export function emptyOrphanFile(parts: OrphanFileParts): void {
  const { superblock, inodes, mapping, cache } = parts;
  if (!superblock.features.hasCompat('ORPHAN_FILE')) return;
  const file = inodes.get(inodeNumber(superblock.orphanFileInode));
  const blocks = Math.min(Math.ceil(file.size / superblock.blockSize), MOST_BLOCKS);
  const range = new MappedRange();
  for (let at = 0; at < blocks; at += range.length) {
    mapping.map(file, logicalBlock(at), range);
    if (range.state === RangeState.Hole) throw new CorruptionError('orphan file', { inode: file.number }, `block ${at} is missing`);
    const count = Math.min(range.length, blocks - at);
    for (let index = 0; index < count; index++) emptyBlock(parts, file, range.physical + index);
    cache.trim();
  }
}

function emptyBlock({ superblock, cache, inodes, transactions, orphans }: OrphanFileParts, file: Inode, number: number): void {
  const block = cache.get(physicalBlock(number));
  const { view, bytes } = block;
  const place = { inode: file.number, block: number };
  if (!layout.hasMagic(view)) throw new CorruptionError('orphan file', place, 'the block has no magic number');
  if (superblock.features.hasRoCompat('METADATA_CSUM') && layout.storedChecksum(view) !== layout.computeChecksum(file.checksumSeed, number, bytes)) {
    throw new CorruptionError('orphan file', place, 'the checksum is wrong');
  }
  for (let index = 0; index < layout.entryCount(view); index++) {
    const orphan = layout.entryAt(view, index);
    if (orphan === 0) continue;
    transactions.begin();
    try {
      transactions.modify(block, Verified.OrphanFile, file.checksumSeed);
      layout.clearEntry(view, index);
      if (!orphans.has(inodeNumber(orphan))) orphans.add(inodes.get(inodeNumber(orphan)));
      transactions.end();
    } catch (error) {
      transactions.abort();
      throw error;
    }
  }
}
