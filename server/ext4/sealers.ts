import { Verified } from './cache/block-cache.js';
import type { Sealer, Sealers } from './journal/seal.js';
import * as directoryLayout from './layout/directory-entry.js';
import * as extentLayout from './layout/extent.js';
import * as htreeLayout from './layout/htree.js';
import * as orphanFileLayout from './layout/orphan-file.js';
import type { Superblock } from './layout/superblock.js';
import { superblockSealer } from './superblock-editor.js';

/** How the blocks of a filesystem get their checksums. @param location of the superblock in use, in bytes */
export function sealers(source: Superblock, location: number, attributeBlock: Sealer): Sealers {
  const superblock: Sealers = { [Verified.Superblock]: superblockSealer(source, location) };
  if (!source.features.hasRoCompat('METADATA_CSUM')) return superblock;
  return {
    ...superblock,
    [Verified.XattrBlock]: attributeBlock,
    [Verified.ExtentNode]: ({ bytes, view, checksumSeed }) => {
      extentLayout.setChecksum(view, extentLayout.computeChecksum(checksumSeed, bytes, view));
    },
    [Verified.DirectoryLeaf]: ({ bytes, view, checksumSeed }) => {
      const tail = bytes.length - directoryLayout.TAIL_SIZE;
      directoryLayout.setChecksum(view, tail, directoryLayout.computeChecksum(checksumSeed, bytes, tail));
    },
    [Verified.OrphanFile]: ({ bytes, view, number, checksumSeed }) => {
      orphanFileLayout.setChecksum(view, orphanFileLayout.computeChecksum(checksumSeed, number, bytes));
    },
    [Verified.HtreeNode]: ({ bytes, view, checksumSeed }) => {
      const isRoot = htreeLayout.nodeInode(view) !== 0;
      const entries = isRoot ? htreeLayout.ROOT_ENTRIES : htreeLayout.NODE_ENTRIES;
      htreeLayout.setChecksum(view, entries, htreeLayout.computeChecksum(checksumSeed, bytes, view, entries));
    },
  };
}
