import type { BlockCache } from '../cache/block-cache.js';
import type { Geometry } from '../geometry.js';
import type { Inode } from '../inode.js';
import type { LogicalBlock } from '../units.js';
import { BlockMap } from './block-map.js';
import { ExtentTree } from './extents.js';
import type { MappedRange } from './mapping.js';

/** Where the blocks of any file or directory are, whichever way its inode keeps them. Inline data has no blocks. */
export class FileMapping {
  readonly extents: ExtentTree;
  readonly blockMap: BlockMap;

  /** @param checksums whether extent blocks carry one (metadata_csum) */
  constructor(cache: BlockCache, geometry: Geometry, checksums: boolean) {
    this.extents = new ExtentTree(cache, geometry, checksums);
    this.blockMap = new BlockMap(cache, geometry);
  }

  /** Fills `result` with the run that holds `logical`: `result.logical` is `logical`. */
  map(inode: Inode, logical: LogicalBlock, result: MappedRange): void {
    if (inode.hasFlag('EXTENTS')) this.extents.map(inode, logical, result);
    else this.blockMap.map(inode, logical, result);
  }
}
