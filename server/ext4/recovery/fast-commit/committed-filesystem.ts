import type { BlockCache } from '../../cache/block-cache.js';
import type { InodeCache } from '../../cache/inode-cache.js';
import type { Geometry } from '../../geometry.js';
import type { Groups } from '../../groups.js';
import type { Superblock } from '../../layout/superblock.js';
import type { FileMapping } from '../../mapping/file-mapping.js';

/** A filesystem as its last full commit left it, read from an EditedDevice. */
export interface CommittedFilesystem {
  readonly superblock: Superblock;
  readonly geometry: Geometry;
  readonly cache: BlockCache;
  readonly groups: Groups;
  readonly inodes: InodeCache;
  readonly mapping: FileMapping;
  trim(): void;
}
